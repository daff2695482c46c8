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
  /** Aborted when the running take is not to be tried again. */
  private taking = new AbortController();
  private isRewinding = false;
  private running: Promise<void> | undefined;

  /**
   * @param from entries before it are only to be remembered.
   * @param onTaken hears after each finished `take`, when `bytes` has fallen.
   */
  constructor(
    private readonly shard: OwnedShard,
    private readonly consumer: ShardConsumer,
    private readonly log: Log,
    private readonly from = 0,
    private readonly onTaken: () => void = () => {},
  ) {
    shard.signal.addEventListener('abort', () => this.stopping.abort(), { once: true });
    this.stopping.signal.addEventListener('abort', () => this.taking.abort(), { once: true });
  }

  /** Bytes of the entries that wait or are being taken. */
  get bytes(): number {
    return this.waitingBytes;
  }

  push(entries: readonly BusEntry[]): void {
    if (this.stopping.signal.aborted || this.isRewinding) return;
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

  /**
   * Forgets what waits, lets the running take end, and goes on with what `refill` answers then.
   * What is pushed until then is forgotten too.
   */
  rewind(refill: () => readonly BusEntry[]): void {
    if (this.isRewinding || this.stopping.signal.aborted) return;
    this.taking.abort();
    this.waiting = [];
    this.isRewinding = true;
    void this.goOnWith(refill);
  }

  /** No `take` begins any more; resolves when the running one has ended, well or not. */
  stop(): Promise<void> {
    this.stopping.abort();
    return this.running ?? Promise.resolve();
  }

  private async goOnWith(refill: () => readonly BusEntry[]): Promise<void> {
    await this.running;
    if (this.stopping.signal.aborted) return;
    this.isRewinding = false;
    this.taking = new AbortController();
    this.waitingBytes = 0;
    this.push(refill());
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
        return; // whoever owns the shard next, or what is read again after a rewind, has these entries
      }
      for (const entry of entries) this.waitingBytes -= entry.value.length;
      this.onTaken();
    }
  }

  private mayTake(): boolean {
    return !this.held && !this.taking.signal.aborted && this.waiting.length > 0;
  }

  private take(entries: readonly BusEntry[]): Promise<void> {
    const { shard } = this.shard;
    const from = entries[0]!.offset;
    const isBefore = ({ offset }: BusEntry) => offset < this.from;
    const hand = async () => {
      if (!isBefore(entries[0]!)) return this.consumer.take(this.shard, entries);
      await this.consumer.remember?.(this.shard, entries.filter(isBefore));
      const others = entries.filter((entry) => !isBefore(entry));
      if (others.length > 0) await this.consumer.take(this.shard, others);
    };
    return persist(hand, {
      signal: this.taking.signal,
      onFailure: (error, attempt) =>
        this.log.warn({ shard, from, entries: entries.length, attempt, err: error }, 'records were not taken'),
    });
  }
}
