import type { Clock, Timer } from '@app/runtime';

/** Later than this a turn comes only after the process has stood still. */
const usualDelayMs = 2_000;

/**
 * One timer for many items: a ring of buckets, one per tick. An item is looked at in the bucket of its time and put
 * further if it was seen alive meanwhile, so that a heartbeat costs one write of a number.
 */
export class TimerWheel<Item> {
  private readonly buckets: Item[][];
  private readonly timer: Timer;
  private at: number;
  private turnedAtMs: number;

  /**
   * @param due does what is due for an item and answers when to look again, by the monotonic clock; 0 = never.
   * @param horizonMs times lie at most this far ahead; items of later times are looked at again at the horizon, so that
   *   the wheel lets go of what has ended within that time.
   * @param stalled the process has stood still until now: sockets have not been read for so long.
   */
  constructor(
    private readonly clock: Clock,
    private readonly due: (item: Item, nowMs: number) => number,
    private readonly tickMs = 500,
    horizonMs = 10_000,
    private readonly stalled: (nowMs: number) => void = () => {},
  ) {
    this.buckets = Array.from({ length: Math.ceil(horizonMs / tickMs) + 1 }, () => []);
    this.turnedAtMs = clock.monotonic();
    this.at = Math.floor(this.turnedAtMs / tickMs);
    this.timer = clock.every(tickMs, () => this.turn());
  }

  /** Looks at the item at or just after `atMs`. */
  add(item: Item, atMs: number): void {
    const wanted = Math.ceil(atMs / this.tickMs);
    const tick = Math.min(Math.max(wanted, this.at + 1), this.at + this.buckets.length - 1);
    this.buckets[tick % this.buckets.length]!.push(item);
  }

  stop(): void {
    this.timer.stop();
  }

  private turn(): void {
    const now = this.clock.monotonic();
    if (now > this.turnedAtMs + this.tickMs + usualDelayMs) this.stalled(now);
    this.turnedAtMs = now;
    const end = Math.floor(now / this.tickMs);
    // After a long stall every bucket is due once; further rounds would find nothing.
    const rounds = Math.min(end - this.at, this.buckets.length);
    this.at = end - rounds;
    for (let i = 0; i < rounds; i += 1) {
      this.at += 1;
      const bucket = this.at % this.buckets.length;
      const items = this.buckets[bucket]!;
      this.buckets[bucket] = [];
      for (const item of items) {
        const next = this.due(item, now);
        if (next > 0) this.add(item, next);
      }
    }
  }
}
