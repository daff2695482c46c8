import { CodedError } from '@app/protocol';
import type { Metrics, RateLimit } from '@app/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { scopeOf } from './scope-table.js';

/** How many pushes a second each key may make, over all logic: those of a batch count one by one. */
export class KeyLimit {
  constructor(
    private readonly rate: RateLimit,
    private readonly metrics: Metrics,
  ) {}

  guard(instance: FastifyInstance): void {
    instance.addHook('preHandler', (request) => this.judge(request));
  }

  /** @throws CodedError rate_limited */
  private async judge({ apiKey: key, method, routeOptions, body }: FastifyRequest): Promise<void> {
    if (key === undefined || routeOptions.url === undefined || scopeOf(method, routeOptions.url) !== 'push') return;
    if ((await this.rate.take(key.id, pushesIn(body))) === 0) return;
    this.metrics.limited.inc({ limit: 'pushes' });
    throw new CodedError('rate_limited', 'This key pushes too much; go on after the time in Retry-After.');
  }
}

/** What is no batch that can be read is one push, whatever becomes of it. */
function pushesIn(body: unknown): number {
  const { pushes } = Object(body) as { pushes?: unknown };
  return Array.isArray(pushes) ? Math.max(1, pushes.length) : 1;
}
