import type { Clock } from './clock.js';
import type { Log } from './logger.js';
import type { RedisAddress } from './redis-address.js';
import { connectRedis, RedisUnavailableError, type RedisLink } from './redis.js';

/** How long whoever stands at a door waits for Redis, in milliseconds: a slow one costs exactness, never time. */
const patienceMs = 250;
/** After it was too slow nobody asks it for so long. */
const restMs = 1_000;

/** Where all processes count together. Who asks is answered soon, if only that it must count by itself. */
export class SharedCounters {
  private restsUntilMs = -Infinity;

  constructor(
    readonly link: RedisLink,
    readonly prefix: string,
    private readonly clock: Clock,
  ) {}

  /** What Redis answers. @throws RedisUnavailableError when it is away, or within 250 ms when it is slow */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.link.client.status !== 'ready' || this.clock.monotonic() < this.restsUntilMs)
      throw new RedisUnavailableError('limits: Redis is away or slow');
    let giveUp!: () => void;
    const late = new Promise<never>((_, reject) => {
      giveUp = () => {
        this.restsUntilMs = this.clock.monotonic() + restMs;
        reject(new RedisUnavailableError(`limits: Redis did not answer within ${patienceMs} ms`));
      };
    });
    const timer = this.clock.after(patienceMs, giveUp);
    try {
      return await Promise.race([question(), late]);
    } finally {
      timer.stop();
    }
  }

  close(): Promise<void> {
    return this.link.close();
  }
}

/** On a connection of their own, where Redis is the registry; undefined where each process counts alone. */
export function openCounters(
  config: { registry: 'memory' | 'redis'; redisUrl: RedisAddress; redisPrefix: string },
  { clock, log }: { clock: Clock; log: Log },
): SharedCounters | undefined {
  if (config.registry !== 'redis') return undefined;
  const { redisUrl, redisPrefix: prefix } = config;
  return new SharedCounters(connectRedis(redisUrl, { log, name: 'limits', prefix, gather: true }), prefix, clock);
}
