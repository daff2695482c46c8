import { Module, type DynamicModule, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import {
  SystemClock,
  connectRedis,
  type Clock,
  type Log,
  type Metrics,
  type RedisAddress,
  type RedisLink,
} from '@app/runtime';
import type { ChannelPolicies } from './channel-policy.js';
import { HistoryStore } from './history-store.js';
import { MemoryHistoryStore } from './memory/memory.history-store.js';
import { openRedisHistory } from './redis/redis.history-store.js';
import type { ReplicaSettings } from './replica-settings.js';

/** `link`: a connection shared with the registry; its maker closes it. Without one, the store makes its own. */
export type HistoryOptions = { policies: ChannelPolicies; log: Log; metrics?: Metrics } & (
  | { backend: 'memory'; instance?: HistoryStore }
  | { backend: 'redis'; url: RedisAddress | string; prefix: string; link?: RedisLink; replicas?: ReplicaSettings }
);

/** History in the memory of this process: for standalone, which hands one to its three apps, and for tests. */
export const createMemoryHistory = (policies: ChannelPolicies, clock: Clock = new SystemClock()): HistoryStore =>
  new MemoryHistoryStore(policies, clock);

/** Provides {@link HistoryStore}. A store that was handed in is its maker's to close; one made here closes with the app. */
@Module({})
export class HistoryModule {
  static forRoot(options: HistoryOptions): DynamicModule {
    const handedIn = options.backend === 'memory' ? options.instance : options.link;
    const providers: Provider[] = [
      { provide: HistoryStore, useFactory: () => open(options) },
      {
        provide: Closing,
        useFactory: (store: HistoryStore) => new Closing(handedIn ? undefined : store),
        inject: [HistoryStore],
      },
    ];
    return { module: HistoryModule, providers, exports: [HistoryStore] };
  }
}

function open(options: HistoryOptions): HistoryStore {
  if (options.backend === 'memory') return options.instance ?? createMemoryHistory(options.policies);
  const { url, prefix, policies, replicas, log, metrics } = options;
  const link = options.link ?? connectRedis(url, { log, name: 'history', prefix });
  return openRedisHistory(link, { prefix, policies, log, ...(metrics && { metrics }), ...(replicas && { replicas }) });
}

class Closing implements OnApplicationShutdown {
  constructor(private readonly store: HistoryStore | undefined) {}

  async onApplicationShutdown(): Promise<void> {
    await this.store?.close();
  }
}
