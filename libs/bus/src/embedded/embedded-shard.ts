import type { Log } from '@app/runtime';
import type { BusEntry, OwnedShard, ShardConsumer } from '../bus.js';
import { HandOver } from '../hand-over.js';

/** One in-order log in memory, and its one owner. */
export class EmbeddedShard implements OwnedShard {
  readonly ownerEpoch = 1;
  /** Sizes of the entries from `committed` on. */
  private readonly sizes: number[] = [];
  /** Published before somebody consumes. */
  private unclaimed: BusEntry[] = [];
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

  append(value: Buffer): void {
    const entry = { offset: this.committed + this.sizes.length, value };
    this.sizes.push(value.length);
    if (this.handOver) this.handOver.push([entry]);
    else this.unclaimed.push(entry);
  }

  handTo(consumer: ShardConsumer, log: Log): void {
    this.handOver = new HandOver(this, consumer, log);
    const entries = this.unclaimed;
    this.unclaimed = [];
    if (entries.length > 0) this.handOver.push(entries);
  }

  commit(offset: number): void {
    if (this.signal.aborted || offset <= this.committed) return;
    const freed = this.sizes.splice(0, offset - this.committed);
    this.committed += freed.length;
    this.free(
      freed.length,
      freed.reduce((sum, size) => sum + size, 0),
    );
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
