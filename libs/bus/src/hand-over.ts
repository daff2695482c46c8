import { persist, type Log } from '@app/runtime';
import type { BusEntry, OwnedShard, ShardConsumer } from './bus.js';

/**
 * The way of one shard's entries to the consumer: in order, one `take` at a time, each with all that is there. A rejected
 * `take` gets the same entries again after a backoff, until the shard is lost or the hand-over stopped.
 */
export class HandOver {
  /** Entries that no `take` has finished with. */
  private waiting: BusEntry[] = [];
  private waitingBytes = 0;
  private held = false;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  /** @param onTaken hears after each finished `take`, when `bytes` has fallen. */
  constructor(
    private readonly shard: OwnedShard,
    private readonly consumer: ShardConsumer,
    private readonly log: Log,
    private readonly onTaken: () => void = () => {},
  ) {
    shard.signal.addEventListener('abort', () => this.stopping.abort(), { once: true });
  }

  /** Bytes of the entries that wait or are being taken. */
  get bytes(): number {
    return this.waitingBytes;
  }

  push(entries: readonly BusEntry[]): void {
    if (this.stopping.signal.aborted) return;
    for (const entry of entries) {
      this.waiting.push(entry);
      this.waitingBytes += entry.value.length;
    }
    this.kick();
  }

  /** No `take` begins until `resume`; a running one goes on. */
  pause(): void {
    this.held = true;
  }

  resume(): void {
    this.held = false;
    this.kick();
  }

  /** No `take` begins any more; resolves when the running one has ended, well or not. */
  stop(): Promise<void> {
    this.stopping.abort();
    return this.running ?? Promise.resolve();
  }

  private kick(): void {
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      if (this.mayTake()) this.kick(); // came between the last look and now
    });
  }

  private async run(): Promise<void> {
    await Promise.resolve(); // what comes in one tick goes in one `take`
    while (this.mayTake()) {
      const entries = this.waiting;
      this.waiting = [];
      try {
        await this.take(entries);
      } catch {
        return; // stopped: whoever owns the shard next is given these entries again
      }
      for (const entry of entries) this.waitingBytes -= entry.value.length;
      this.onTaken();
    }
  }

  private mayTake(): boolean {
    return !this.held && !this.stopping.signal.aborted && this.waiting.length > 0;
  }

  private take(entries: readonly BusEntry[]): Promise<void> {
    const { shard } = this.shard;
    const from = entries[0]!.offset;
    return persist(async () => this.consumer.take(this.shard, entries), {
      signal: this.stopping.signal,
      onFailure: (error, attempt) =>
        this.log.warn({ shard, from, entries: entries.length, attempt, err: error }, 'records were not taken'),
    });
  }
}
