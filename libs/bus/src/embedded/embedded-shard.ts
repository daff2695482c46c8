import type { Log } from '@app/runtime';
import { type BusEntry, checkNote, type OwnedShard, type Publishing, type ShardConsumer } from '../bus.js';
import { HandOver } from '../hand-over.js';

/** One in-order log in memory, and its one owner. */
export class EmbeddedShard implements OwnedShard {
  readonly ownerEpoch = 1;
  /** There was no owner before this one. */
  readonly note = '';
  readonly isBeginning = true;
  /** From `committed` on. */
  private readonly entries: BusEntry[] = [];
  private committed = 0;
  private handOver: HandOver | undefined;
  private readonly lost = new AbortController();

  /** @param free hears how many records and bytes a commit has freed. */
  constructor(
    readonly shard: number,
    readonly life: string,
    private readonly free: (records: number, bytes: number) => void,
  ) {}

  get signal(): AbortSignal {
    return this.lost.signal;
  }

  append({ key, value, replayOf }: Publishing): void {
    const offset = this.committed + this.entries.length;
    const entry: BusEntry = { offset, key: Buffer.from(key), value, ...(replayOf !== undefined && { replayOf }) };
    this.entries.push(entry);
    this.handOver?.push([entry]);
  }

  handTo(consumer: ShardConsumer, log: Log): void {
    this.handOver = new HandOver(this, consumer, log);
    this.handOver.push(this.entries);
  }

  commit(offset: number, note = ''): void {
    checkNote(note);
    if (this.signal.aborted || offset <= this.committed) return;
    const freed = this.entries.splice(0, offset - this.committed);
    this.committed += freed.length;
    this.free(
      freed.length,
      freed.reduce((sum, { value }) => sum + value.length, 0),
    );
  }

  seekBack(): void {
    this.handOver?.rewind(() => this.entries);
  }

  pause(): void {
    this.handOver?.pause();
  }

  resume(): void {
    this.handOver?.resume();
  }

  fence(): Promise<number> {
    if (this.signal.aborted) return Promise.reject(new Error(`shard ${this.shard} is not ours any more`));
    return Promise.resolve(this.ownerEpoch);
  }

  /** Resolves after the running take; the shard is nobody's then. */
  async stop(): Promise<void> {
    await this.handOver?.stop();
    this.lost.abort();
  }
}
