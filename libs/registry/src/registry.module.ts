import { Module, type DynamicModule, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { SystemClock, connectRedis, type Clock, type Log, type RedisAddress, type RedisLink } from '@app/runtime';
import { Census } from './census.js';
import { DeviceDirectory } from './device-directory.js';
import { MembershipStore } from './membership-store.js';
import { MemoryCensus } from './memory/memory.census.js';
import { MemoryDeviceDirectory } from './memory/memory.device-directory.js';
import { MemoryMembershipStore } from './memory/memory.membership-store.js';
import { MemoryNodeDirectory } from './memory/memory.node-directory.js';
import { MemoryPresenceDirectory } from './memory/memory.presence-directory.js';
import { MemoryRevocationList } from './memory/memory.revocation-list.js';
import { MemoryRegistry } from './memory/memory-registry.js';
import { NodeDirectory } from './node-directory.js';
import { PresenceDirectory } from './presence-directory.js';
import { RedisCensus } from './redis/redis.census.js';
import { RedisDeviceDirectory } from './redis/redis.device-directory.js';
import { RedisMembershipStore } from './redis/redis.membership-store.js';
import { RedisNodeDirectory } from './redis/redis.node-directory.js';
import { RedisPresenceDirectory } from './redis/redis.presence-directory.js';
import { RedisRevocationList } from './redis/redis.revocation-list.js';
import { RevocationList } from './revocation-list.js';

/** The directories, the memberships, what was revoked and the census over one state. */
export interface Registry {
  nodes: NodeDirectory;
  presence: PresenceDirectory;
  devices: DeviceDirectory;
  memberships: MembershipStore;
  revocations: RevocationList;
  census: Census;
}

/** `link`: a connection shared with history; its maker closes it. Without one, the registry makes its own. */
export type RegistryOptions = { log: Log } & (
  | { backend: 'memory'; instance?: Registry }
  | { backend: 'redis'; url: RedisAddress | string; prefix: string; link?: RedisLink }
);

/** A registry in the memory of this process: for standalone, which hands one to its three apps, and for tests. */
export function createMemoryRegistry(clock: Clock = new SystemClock()): Registry {
  const state = new MemoryRegistry(clock);
  return {
    nodes: new MemoryNodeDirectory(state),
    presence: new MemoryPresenceDirectory(state),
    devices: new MemoryDeviceDirectory(state),
    memberships: new MemoryMembershipStore(),
    revocations: new MemoryRevocationList(clock),
    census: new MemoryCensus(state),
  };
}

/**
 * Provides {@link NodeDirectory}, {@link PresenceDirectory}, {@link DeviceDirectory}, {@link MembershipStore},
 * {@link RevocationList} and {@link Census}. A registry that was handed in is its maker's to close; one made here closes with the app.
 */
@Module({})
export class RegistryModule {
  static forRoot(options: RegistryOptions): DynamicModule {
    const handedIn = options.backend === 'memory' ? options.instance : options.link;
    const providers: Provider[] = [
      { provide: Opened, useFactory: () => new Opened(open(options), handedIn === undefined) },
      { provide: NodeDirectory, useFactory: (opened: Opened) => opened.registry.nodes, inject: [Opened] },
      { provide: PresenceDirectory, useFactory: (opened: Opened) => opened.registry.presence, inject: [Opened] },
      { provide: DeviceDirectory, useFactory: (opened: Opened) => opened.registry.devices, inject: [Opened] },
      { provide: MembershipStore, useFactory: (opened: Opened) => opened.registry.memberships, inject: [Opened] },
      { provide: RevocationList, useFactory: (opened: Opened) => opened.registry.revocations, inject: [Opened] },
      { provide: Census, useFactory: (opened: Opened) => opened.registry.census, inject: [Opened] },
    ];
    const exports = [NodeDirectory, PresenceDirectory, DeviceDirectory, MembershipStore, RevocationList, Census];
    return { module: RegistryModule, providers, exports };
  }
}

function open(options: RegistryOptions): Registry {
  if (options.backend === 'memory') return options.instance ?? createMemoryRegistry();
  const { url, prefix, log } = options;
  const link = options.link ?? connectRedis(url, { log, name: 'registry', prefix });
  return {
    nodes: new RedisNodeDirectory(link, prefix),
    presence: new RedisPresenceDirectory(link, prefix),
    devices: new RedisDeviceDirectory(link, prefix),
    memberships: new RedisMembershipStore(link, prefix),
    revocations: new RedisRevocationList(link, prefix),
    census: new RedisCensus(link, prefix),
  };
}

class Opened implements OnApplicationShutdown {
  constructor(
    readonly registry: Registry,
    private readonly isOurs: boolean,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    if (this.isOurs) await this.registry.nodes.close();
  }
}
