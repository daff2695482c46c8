import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import type { Metrics } from './metrics.js';
import type { RedisLink } from './redis.js';

export interface RateLimitOptions {
  /** Part of the keys in Redis. */
  name: string;
  /** 0: no limit. */
  perSecond: number;
  metrics: Metrics;
  /** Where all processes count together; without it each counts for itself. */
  shared?: { link: RedisLink; prefix: string };
}

/**
 * So many a second for each key. While Redis is away every process goes on counting for itself, so that the limit is by as much
 * higher as there are processes, and nothing is refused for the outage.
 */
export class RateLimit {
  private readonly limiter: RateLimiterAbstract | undefined;

  constructor(private readonly options: RateLimitOptions) {
    this.limiter = options.perSecond === 0 ? undefined : limiterOf(options);
  }

  /** Answers 0, or for how many milliseconds it is too much. More points than a second has count as a whole second. */
  async take(key: string, points = 1): Promise<number> {
    if (!this.limiter) return 0;
    try {
      await this.limiter.consume(key, Math.min(points, this.options.perSecond));
      return 0;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext);
      throw refusal;
    }
  }
}

/** Requests that the shared counters could not be asked about. */
export const limitedLocally = (metrics: Metrics) =>
  metrics.counter('skylark_limits_counted_locally_total', 'Looks at a limit while its Redis was away, by limit', [
    'limit',
  ]);

function limiterOf({ name, perSecond: points, metrics, shared }: RateLimitOptions): RateLimiterAbstract {
  const rate = { points, duration: 1 };
  if (!shared) return new RateLimiterMemory(rate);
  const locally = limitedLocally(metrics);
  class Insurance extends RateLimiterMemory {
    override consume(...asked: Parameters<RateLimiterMemory['consume']>): Promise<RateLimiterRes> {
      locally.inc({ limit: name });
      return super.consume(...asked);
    }
  }
  return new RateLimiterRedis({
    ...rate,
    storeClient: shared.link.client,
    keyPrefix: `${shared.prefix}limit:${name}`,
    rejectIfRedisNotReady: true,
    // Who is over it is refused from memory until the second is over: a flood costs Redis nothing.
    inMemoryBlockOnConsumed: points,
    insuranceLimiter: new Insurance(rate),
  });
}
