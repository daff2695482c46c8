import { spawnSync } from 'node:child_process';
import { connectRedis, parseRedisUrl, silentLog, TlsFiles, type RedisAddress, type RedisLink } from '@app/runtime';
import { describeHistoryStore } from '../../libs/history/src/history-store.contract.js';
import { describeIdempotencyStore } from '../../libs/history/src/idempotency-store.contract.js';
import { openRedisHistory } from '../../libs/history/src/redis/redis.history-store.js';
import { RedisIdempotencyStore } from '../../libs/history/src/redis/redis.idempotency-store.js';
import { describeCensus } from '../../libs/registry/src/census.contract.js';
import { describeDeviceDirectory } from '../../libs/registry/src/device-directory.contract.js';
import { describeMembershipStore } from '../../libs/registry/src/membership-store.contract.js';
import { describeNodeDirectory, type OpenedRegistry } from '../../libs/registry/src/node-directory.contract.js';
import { describePresenceDirectory } from '../../libs/registry/src/presence-directory.contract.js';
import { RedisRevocationList } from '../../libs/registry/src/redis/redis.revocation-list.js';
import { describeRevocationList } from '../../libs/registry/src/revocation-list.contract.js';
import { RedisCensus } from '../../libs/registry/src/redis/redis.census.js';
import { RedisDeviceDirectory } from '../../libs/registry/src/redis/redis.device-directory.js';
import { RedisMembershipStore } from '../../libs/registry/src/redis/redis.membership-store.js';
import { RedisNodeDirectory } from '../../libs/registry/src/redis/redis.node-directory.js';
import { RedisPresenceDirectory } from '../../libs/registry/src/redis/redis.presence-directory.js';
import { Authority } from '../support/certificates.js';
import { startLockedRedis } from '../support/redis-doors.js';
import type { RedisServer } from '../support/redis-server.js';
import { startCluster, startSentinels } from '../support/redis-sets.js';
import { until } from '../support/until.js';

const isHere = spawnSync('redis-server', ['--version']).status === 0;

let prefixes = 0;

/** All the contract suites over links of one kind; `address` is asked for in tests only. */
function describeStores(name: string, address: () => RedisAddress, before = ''): void {
  const fresh = () => `${before}test:${(prefixes += 1)}:`;
  const link = async (prefix: string): Promise<RedisLink> => {
    const made = connectRedis(address(), { log: silentLog, name: 'test', prefix });
    await made.connected();
    return made;
  };
  const open = async (): Promise<OpenedRegistry> => {
    const prefix = fresh();
    const made = await link(prefix);
    return {
      nodes: new RedisNodeDirectory(made, prefix),
      presence: new RedisPresenceDirectory(made, prefix),
      devices: new RedisDeviceDirectory(made, prefix),
      memberships: new RedisMembershipStore(made, prefix),
      census: new RedisCensus(made, prefix),
      revocations: new RedisRevocationList(made, prefix),
      until: (holds) => until(holds),
      close: () => made.close(),
    };
  };
  describeNodeDirectory(name, open);
  describePresenceDirectory(name, open);
  describeDeviceDirectory(name, open);
  describeMembershipStore(name, open);
  describeCensus(name, open);
  describeRevocationList(name, open);
  describeIdempotencyStore(name, async (limits) => {
    const prefix = fresh();
    const store = new RedisIdempotencyStore(await link(prefix), prefix, limits);
    return { store, until: (holds) => until(holds), close: () => store.close() };
  });
  describeHistoryStore(name, async (policies) => {
    const prefix = fresh();
    const store = openRedisHistory(await link(prefix), { prefix, policies, log: silentLog });
    return { store, until: (holds) => until(holds), close: () => store.close() };
  });
}

(isHere ? describe : describe.skip)('Redis behind TLS, for a user who may do what we need and no more', () => {
  let authority: Authority;
  let server: RedisServer;
  let address: RedisAddress;

  beforeAll(async () => {
    authority = await Authority.create();
    server = await startLockedRedis(authority, '{skylark}:*');
    address = { ...parseRedisUrl(server.url), tls: new TlsFiles(await authority.issue()) };
  });
  afterAll(async () => {
    await server?.stop();
    await authority?.[Symbol.asyncDispose]();
  });

  describeStores('redis by TLS and ACL', () => address, '{skylark}:');

  it.each([
    ['a wrong password', () => ({ ...address, password: 'this is wrong' }), /WRONGPASS/],
    ['no certificate', () => ({ ...address, tls: new TlsFiles({ ca: authority.ca }) }), /certificate required/],
    ['an authority that is not known', () => ({ ...address, tls: undefined }), /certificate/],
  ])('says what is wrong with %s, tries again, and shows nobody the password', async (_, wrong, sentence) => {
    const said: string[] = [];
    const log = Object.assign(Object.create(silentLog) as typeof silentLog, {
      warn: (fields: { err?: Error }, msg: string) => void said.push(`${msg} ${fields.err?.message}`),
      child: (fields: object) => (said.push(JSON.stringify(fields)), log),
    });
    const link = connectRedis(wrong(), { log, name: 'test' });
    try {
      await until(async () => sentence.test((await link.problem()) ?? ''), 'the reason');
      expect([...said, await link.problem()].join('\n')).not.toMatch(/p@ss|this is wrong|p%40ss/);
    } finally {
      await link.close();
    }
  });
});

(isHere ? describe : describe.skip)('a Redis Cluster of three', () => {
  let cluster: Awaited<ReturnType<typeof startCluster>>;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  const address = () => parseRedisUrl(`redis+cluster://${cluster.hosts.join()}`);
  describeStores('redis cluster', address, '{skylark}:');

  it('follows its slot to another node', async () => {
    const prefix = '{moving}:';
    const link = connectRedis(address(), { log: silentLog, name: 'test', prefix });
    try {
      await (await link.connected()).set(`${prefix}a`, '1');
      await cluster.move(prefix);
      await until(
        async () => (await (await link.connected()).get(`${prefix}a`).catch(() => undefined)) === '1',
        'the key at its new node',
      );
      expect(await (await link.connected()).set(`${prefix}b`, '2')).toBe('OK');
    } finally {
      await link.close();
    }
  });
});

(isHere ? describe : describe.skip)('Redis behind three sentinels', () => {
  it('is followed to the replica that takes over', async () => {
    await using set = await startSentinels();
    const url = `redis+sentinel://${set.hosts.join()}/mymaster`;
    const link = connectRedis(url, { log: silentLog, name: 'test' });
    try {
      const redis = await link.connected();
      await redis.set('a', '1');
      await redis.wait(1, 5_000);
      await set.primary.kill();
      await until(
        async () => {
          const again = await link.connected().catch(() => undefined);
          return (await again?.set('b', '2').catch(() => undefined)) === 'OK';
        },
        'a primary that takes writes',
        30_000,
      );
      expect(await (await link.connected()).get('a')).toBe('1');
      expect(redis.stream.remotePort).toBe(set.replica.port);
    } finally {
      await link.close();
    }
  });
});
