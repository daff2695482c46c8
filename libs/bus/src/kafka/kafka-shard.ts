import type { Log } from '@app/runtime';
import { checkNote, type OwnedShard, type ShardConsumer } from '../bus.js';
import { HandOver } from '../hand-over.js';
import type { Place } from './place.js';

/** Where a shard's commits go: to the generation that it hangs on. */
export interface ShardCommits {
  commitSoon(shard: number, place: Place): void;
  fence(shard: number, place: Place): Promise<number>;
}

/** A partition while the group says that it is ours. */
export class KafkaShard implements OwnedShard {
  readonly handOver: HandOver;
  readonly note: string;
  readonly isBeginning: boolean;
  private readonly lost = new AbortController();

  /**
   * @param committed where this owner starts.
   * @param to.readAgain makes Kafka's entries from an offset on come again.
   */
  constructor(
    readonly shard: number,
    readonly ownerEpoch: number,
    readonly life: string,
    private committed: Place,
    private readonly commits: ShardCommits,
    private readonly to: {
      consumer: ShardConsumer;
      log: Log;
      onTaken: () => void;
      readAgain: (offset: number) => void;
    },
  ) {
    this.note = committed.note;
    this.isBeginning = committed.isBeginning;
    this.handOver = new HandOver(this, to.consumer, to.log, committed.offset, to.onTaken);
  }

  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** What is committed, or about to be. */
  get place(): Place {
    return this.committed;
  }

  lose(): void {
    this.lost.abort();
  }

  commit(offset: number, note = this.committed.note): void {
    checkNote(note);
    const { committed } = this;
    if (this.signal.aborted || offset < committed.offset) return;
    if (offset === committed.offset && note === committed.note && !committed.isBeginning) return;
    this.committed = { offset, note, isBeginning: false };
    this.commits.commitSoon(this.shard, this.committed);
  }

  seekBack(): void {
    this.handOver.rewind(() => {
      this.to.readAgain(this.committed.offset);
      return [];
    });
  }

  pause(): void {
    this.handOver.pause();
  }

  resume(): void {
    this.handOver.resume();
  }

  fence(): Promise<number> {
    this.committed = { ...this.committed, isBeginning: false };
    return this.commits.fence(this.shard, this.committed);
  }
}
