import type { BlockList } from 'node:net';
import { isIP } from 'node:net';
import { networkOf, type ConnectionQuota, type Metrics, type RateLimit } from '@app/runtime';
import type { HttpRefusal } from './http-answer.js';

/** Where somebody comes from, as long as it is counted; null: it is not. */
export type Place = string | null;

/** How many may come from one address, and how quickly: asked before anybody else is. */
export class Newcomers {
  constructor(
    private readonly rate: RateLimit,
    private readonly quota: ConnectionQuota,
    private readonly exempt: BlockList,
    private readonly metrics: Metrics,
  ) {}

  /** A place that must be given back by {@link leave}, or why there is none. */
  async enter(address: string): Promise<{ place: Place } | HttpRefusal> {
    const family = isIP(address);
    if (family === 0 || this.exempt.check(address, family === 6 ? 'ipv6' : 'ipv4')) return { place: null };
    const place = networkOf(address);
    const waitMs = await this.rate.take(place);
    if (waitMs > 0) return this.refuse('connects_ip', 'too many connect from your address at once', waitMs);
    if (this.quota.isOff) return { place: null };
    if (await this.quota.enter(place)) return { place };
    return this.refuse('connections_ip', 'there are too many connections from your address', quotaWaitMs);
  }

  leave(place: Place): void {
    if (place !== null) this.quota.leave(place);
  }

  private refuse(limit: string, message: string, waitMs: number): HttpRefusal {
    this.metrics.limited.inc({ limit });
    // Spread, so that who was refused together does not come back together.
    const retryAfterSeconds = Math.ceil(waitMs / 1_000) + Math.floor(Math.random() * 5);
    return { status: 429, code: 'rate_limited', message, retryAfterSeconds };
  }
}

const quotaWaitMs = 10_000;
