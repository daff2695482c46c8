import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import type { Metrics } from './metrics.js';
import type { SharedCounters } from './shared-counters.js';

export interface RateLimitOptions {
  /** Part of the keys in Redis. */
  name: string;
  /** 0: no limit. */
  perSecond: number;
  metrics: Metrics;
  /** Where all processes count together; without it each counts for itself. */
  shared?: SharedCounters | undefined;
}

/**
 * So many a second for each key. While Redis is away or slow every process goes on counting for itself, so that the limit is by as
 * much higher as there are processes, and nothing is refused for the outage.
 */
export class RateLimit {
  private readonly alone: RateLimiterAbstract;
  private readonly together: RateLimiterAbstract | undefined;
  private readonly locally;

  constructor(private readonly options: RateLimitOptions) {
    const { name, perSecond: points, metrics, shared } = options;
    const rate = { points, duration: 1 };
    this.locally = limitedLocally(metrics);
    this.alone = new RateLimiterMemory(rate);
    this.together =
      shared &&
      new RateLimiterRedis({
        ...rate,
        storeClient: shared.link.client,
        keyPrefix: `${shared.prefix}limit:${name}`,
        rejectIfRedisNotReady: true,
        // Who is over it is refused from memory until the second is over: a flood costs Redis nothing.
        inMemoryBlockOnConsumed: points,
      });
  }

  /** Answers 0, or for how many milliseconds it is too much. More points than a second has count as a whole second. */
  async take(key: string, points = 1): Promise<number> {
    const { perSecond } = this.options;
    if (perSecond === 0) return 0;
    try {
      await this.consume(key, Math.min(points, perSecond));
      return 0;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext);
      throw refusal;
    }
  }

  private async consume(key: string, points: number): Promise<RateLimiterRes> {
    const { shared, name } = this.options;
    const { together } = this;
    if (!shared || !together) return this.alone.consume(key, points);
    try {
      return await shared.ask(() => together.consume(key, points));
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) throw refusal;
      this.locally.inc({ limit: name });
      return this.alone.consume(key, points);
    }
  }
}

/** Requests that the shared counters could not be asked about. */
export const limitedLocally = (metrics: Metrics) =>
  metrics.counter(
    'skylark_limits_counted_locally_total',
    'Looks at a limit while its Redis was away or slow, by limit',
    ['limit'],
  );
