import { connectRedis, silentLog } from '@app/runtime';
import { describeDeviceRaces } from '../../apps/gateway/src/device-race.contract.js';
import { describeCensus } from '../../libs/registry/src/census.contract.js';
import { describeDeviceDirectory } from '../../libs/registry/src/device-directory.contract.js';
import { describeMembershipStore } from '../../libs/registry/src/membership-store.contract.js';
import {
  describeNodeDirectory,
  gatewayEntry,
  longLeaseMs,
  type OpenedRegistry,
} from '../../libs/registry/src/node-directory.contract.js';
import { describePresenceDirectory } from '../../libs/registry/src/presence-directory.contract.js';
import { RedisCensus } from '../../libs/registry/src/redis/redis.census.js';
import { RedisDeviceDirectory } from '../../libs/registry/src/redis/redis.device-directory.js';
import { RedisMembershipStore } from '../../libs/registry/src/redis/redis.membership-store.js';
import { RedisNodeDirectory } from '../../libs/registry/src/redis/redis.node-directory.js';
import { RedisPresenceDirectory } from '../../libs/registry/src/redis/redis.presence-directory.js';
import { RedisRevocationList } from '../../libs/registry/src/redis/redis.revocation-list.js';
import { describeRevocationList } from '../../libs/registry/src/revocation-list.contract.js';
import { connectTest, freshPrefix, removeKeys } from '../support/redis-keys.js';
import { until } from '../support/until.js';

const url = process.env['REDIS_URL'];

async function openIn(prefix: string): Promise<OpenedRegistry> {
  const link = connectRedis(url!, { log: silentLog, name: 'registry' });
  await link.connected();
  return {
    nodes: new RedisNodeDirectory(link, prefix),
    presence: new RedisPresenceDirectory(link, prefix),
    devices: new RedisDeviceDirectory(link, prefix),
    memberships: new RedisMembershipStore(link, prefix),
    revocations: new RedisRevocationList(link, prefix),
    census: new RedisCensus(link, prefix),
    until: (holds) => until(holds),
    close: async () => {
      await link.close();
      await removeKeys(url!, prefix);
    },
  };
}

const open = () => openIn(freshPrefix());

const annInRoom = (present: boolean) => [
  { kind: 'user' as const, key: 'default/ann', present },
  { kind: 'room' as const, key: 'default/a', present },
];

(url ? describe : describe.skip)('on a real Redis', () => {
  describeNodeDirectory('redis', open);
  describePresenceDirectory('redis', open);
  describeDeviceDirectory('redis', open);
  describeMembershipStore('redis', open);
  describeRevocationList('redis', open);
  describeCensus('redis', open);

  const openDevices = async () => {
    const prefix = freshPrefix();
    const registry = await openIn(prefix);
    return { devices: registry.devices, close: () => registry.close(), flush: () => removeKeys(url!, prefix) };
  };
  describeDeviceRaces('redis', openDevices, 50);

  describe('redis registry', () => {
    let prefix: string;
    let registry: OpenedRegistry;
    beforeEach(async () => {
      prefix = freshPrefix();
      registry = await openIn(prefix);
    });
    afterEach(() => registry.close());

    it('never hands out an incarnation below one that stands, though the counter was lost', async () => {
      await removeKeys(url!, prefix);
      await registry.nodes.renew(gatewayEntry('g1', 41), longLeaseMs);
      expect(await registry.nodes.nextIncarnation('gateway', 'g1')).toBeGreaterThan(41);
    });

    it('draws numbers above those it drew before it was emptied', async () => {
      const connSeq = await registry.devices.nextSeq('default', 'ann', 'phone');
      const incarnation = await registry.nodes.nextIncarnation('gateway', 'g1');
      await removeKeys(url!, prefix);
      expect(await registry.devices.nextSeq('default', 'ann', 'phone')).toBeGreaterThan(connSeq);
      expect(await registry.nodes.nextIncarnation('gateway', 'g1')).toBeGreaterThanOrEqual(incarnation);
    });

    it('leaves nothing behind of users and rooms that went', async () => {
      await registry.nodes.renew(gatewayEntry('g1', 1), longLeaseMs);
      await registry.presence.apply('g1~1', annInRoom(true));
      await registry.presence.apply('g1~1', annInRoom(false));
      const redis = connectTest(url!);
      const keys = await redis.keys(`${prefix}*`);
      await redis.quit();
      expect(keys.sort()).toEqual([`${prefix}incarnation`, `${prefix}nodes:gateway`]);
    });

    it('removes void entries that nobody asks about by the one who writes beside them', async () => {
      await registry.presence.apply('g1~1', [{ kind: 'user', key: 'default/ann', present: true }]);
      await registry.presence.apply('g2~2', [{ kind: 'user', key: 'default/ann', present: true }]);
      await registry.presence.apply('g1~3', [{ kind: 'user', key: 'default/ann', present: true }]);
      const redis = connectTest(url!);
      const [bucket] = await redis.keys(`${prefix}u:*`);
      const refs = await redis.hget(bucket!, 'default/ann');
      await redis.quit();
      expect(refs!.split('\n').sort()).toEqual(['g1~3', 'g2~2']);
    });
  });
});
