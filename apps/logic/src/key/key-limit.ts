import { CodedError } from '@app/protocol';
import type { Metrics, RateLimit } from '@app/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { scopeOf } from './scope-table.js';

/**
 * How many pushes a second each key may make, over all logic, those of a batch one by one; and how many targets they may name, each
 * of which costs a look at the registry.
 */
export class KeyLimit {
  constructor(
    private readonly pushes: RateLimit,
    private readonly targets: RateLimit,
    private readonly metrics: Metrics,
  ) {}

  guard(instance: FastifyInstance): void {
    instance.addHook('preHandler', (request) => this.judge(request));
  }

  /** @throws CodedError rate_limited */
  private async judge({ apiKey: key, method, routeOptions, body }: FastifyRequest): Promise<void> {
    if (key === undefined || routeOptions.url === undefined || scopeOf(method, routeOptions.url) !== 'push') return;
    const calls = pushesIn(body);
    const named = calls.reduce<number>((sum, call) => sum + targetsIn(call), 0);
    const [ofPushes, ofTargets] = await Promise.all([
      this.pushes.take(key.id, Math.max(1, calls.length)),
      // One target a push is what the other limit counts.
      named > calls.length ? this.targets.take(key.id, named) : 0,
    ]);
    if (ofPushes > 0) this.refuse('pushes', 'This key pushes too much');
    if (ofTargets > 0) this.refuse('targets', 'This key pushes to too many targets');
  }

  private refuse(limit: string, why: string): never {
    this.metrics.limited.inc({ limit });
    throw new CodedError('rate_limited', `${why}; go on after the time in Retry-After.`);
  }
}

/** What is no batch that can be read is one push, whatever becomes of it. */
function pushesIn(body: unknown): readonly unknown[] {
  const { pushes } = Object(body) as { pushes?: unknown };
  return Array.isArray(pushes) ? pushes : [body];
}

const lists = ['rooms', 'users', 'targets', 'connections'] as const;

function targetsIn(push: unknown): number {
  const found = Object(push) as Partial<Record<(typeof lists)[number], unknown>>;
  return lists.reduce((sum, name) => sum + (Array.isArray(found[name]) ? found[name].length : 0), 0);
}
