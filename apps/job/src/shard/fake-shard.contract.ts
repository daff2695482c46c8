import type { OwnedShard } from '@app/bus';

/** A shard that is ours until `lost` is aborted, and what was asked of it. */
export class FakeShard implements OwnedShard {
  readonly shard: number = 3;
  readonly ownerEpoch: number = 7;
  readonly life: string = 'life';
  readonly isBeginning: boolean = false;
  readonly note: string = '';
  readonly lost = new AbortController();
  readonly signal = this.lost.signal;
  readonly calls: string[] = [];
  /** Beside each commit. */
  readonly notes: (string | undefined)[] = [];

  constructor(
    traits: Partial<Pick<OwnedShard, 'shard' | 'ownerEpoch' | 'life' | 'isBeginning' | 'note' | 'fence'>> = {},
  ) {
    Object.assign(this, traits);
  }

  commit(offset: number, note?: string): void {
    this.calls.push(`commit ${offset}`);
    this.notes.push(note);
  }

  seekBack(): void {
    this.calls.push('seekBack');
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  fence(): Promise<number> {
    return Promise.resolve(this.ownerEpoch);
  }
}
