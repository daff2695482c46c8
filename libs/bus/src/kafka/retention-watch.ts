import type { Clock, Log, Metrics } from '@app/runtime';

/** For how long readiness tells of a loss. */
const TOLD_MS = 5 * 60_000;

/** Counts what Kafka's retention took before any job had handed it over, and says so. */
export class RetentionWatch {
  /** Up to where a shard's losses are counted, so that a second rebalance does not count them again. */
  private readonly counted = new Map<number, number>();
  private loss: { at: number; sentence: string } | undefined;

  constructor(
    private readonly log: Log,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** `next` was to be read next, and the log begins at `low`: what lies between is lost. */
  passed(shard: number, next: number, low: number): void {
    const from = Math.max(next, this.counted.get(shard) ?? 0);
    if (low <= from) return;
    const lost = low - from;
    this.counted.set(shard, low);
    this.metrics.dropped.inc({ stage: 'bus', reason: 'retention' }, lost);
    const sentence = `Kafka's retention took ${lost} records of shard ${shard} before they were handed over`;
    this.loss = { at: this.clock.monotonic(), sentence };
    this.log.error({ shard, lost, from, low }, sentence);
  }

  problem(): string | undefined {
    return this.loss && this.clock.monotonic() - this.loss.at < TOLD_MS ? this.loss.sentence : undefined;
  }
}
