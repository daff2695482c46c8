import { Module, type DynamicModule, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { SystemClock, connectRedis, type Clock, type Log, type Metrics, type RedisAddress } from '@app/runtime';
import { IdempotencyStore, type IdempotencyLimits } from './idempotency-store.js';
import { MemoryIdempotencyStore } from './memory/memory.idempotency-store.js';
import { RedisIdempotencyStore } from './redis/redis.idempotency-store.js';

export type MemoryIdempotencyLimits = IdempotencyLimits & { maxBytes: number };

export type IdempotencyOptions =
  | {
      backend: 'memory';
      limits: MemoryIdempotencyLimits;
      instance?: IdempotencyStore;
      clock?: Clock;
      metrics?: Metrics;
    }
  | { backend: 'redis'; limits: IdempotencyLimits; url: RedisAddress | string; prefix: string; log: Log };

/** Keys in the memory of this process: for standalone, and for tests of several logic nodes in one process. */
export const createMemoryIdempotency = (
  limits: MemoryIdempotencyLimits,
  clock: Clock = new SystemClock(),
  metrics?: Metrics,
): IdempotencyStore => new MemoryIdempotencyStore(limits, clock, metrics);

/** Provides {@link IdempotencyStore}. A store that was handed in is its maker's to close; one made here closes with the app. */
@Module({})
export class IdempotencyModule {
  static forRoot(options: IdempotencyOptions): DynamicModule {
    const isHandedIn = options.backend === 'memory' && options.instance !== undefined;
    const providers: Provider[] = [
      { provide: IdempotencyStore, useFactory: () => open(options) },
      {
        provide: Closing,
        useFactory: (store: IdempotencyStore) => new Closing(isHandedIn ? undefined : store),
        inject: [IdempotencyStore],
      },
    ];
    return { module: IdempotencyModule, providers, exports: [IdempotencyStore] };
  }
}

function open(options: IdempotencyOptions): IdempotencyStore {
  if (options.backend === 'memory') {
    return options.instance ?? createMemoryIdempotency(options.limits, options.clock, options.metrics);
  }
  // A connection of its own: a push does not wait behind a long read of history.
  const link = connectRedis(options.url, { log: options.log, name: 'idempotency', prefix: options.prefix });
  return new RedisIdempotencyStore(link, options.prefix, options.limits);
}

class Closing implements OnApplicationShutdown {
  constructor(private readonly store: IdempotencyStore | undefined) {}

  async onApplicationShutdown(): Promise<void> {
    await this.store?.close();
  }
}
