import { Redis } from 'ioredis';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { sumOf } from '../support/metrics.js';
import { Processes } from '../support/processes.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { upgradeRefused } from '../support/wire-client.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];
const leaseMs = 300;
const REDIS_PREFIX = 'lost:';

const followers = (cluster: Cluster) =>
  Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));

const portOf = (proxy: TcpProxy) => `redis://${proxy.address}`;

const gatewaysReady = (cluster: Cluster) =>
  until(async () => {
    const answers = await Promise.all(
      cluster.gateways.map(({ httpPort }) => fetch(`http://127.0.0.1:${httpPort}/health/ready`)),
    );
    return answers.every(({ status }) => status === 200);
  }, 'all gateways to be ready');

/** Until no lease of a gateway runs, by the clock of Redis. */
async function leasesOver(redis: Redis): Promise<void> {
  await until(async () => {
    const [seconds, us] = await redis.time();
    const nowMs = Number(seconds) * 1_000 + Number(us) / 1_000;
    const entries = await redis.hvals(`${REDIS_PREFIX}nodes:gateway`);
    return entries.every((entry) => nowMs > Number(entry.split(' ')[1]) + 5 * leaseMs);
  }, 'the leases to be over');
}

async function removeRegistry(redis: Redis): Promise<void> {
  const kinds = ['nodes:', 'u:', 'm:', 'd:', 'users:', 'rooms:', 'sizes:', 'incarnation', 'connSeq'];
  const all = await redis.keys(`${REDIS_PREFIX}*`);
  const keys = all.filter((key) => kinds.some((kind) => key.startsWith(REDIS_PREFIX + kind)));
  await redis.del(...keys);
}

const refusedToNewcomers = async (cluster: Cluster) => {
  const { status, headers } = await upgradeRefused(cluster.clientUrls[0]!, { query: { user: 'new' } });
  expect(status).toBe(503);
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
};

describeWithServers('a registry that is lost in mid-stream', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterEach(() => redis.flushall());
  afterAll(async () => {
    await redis.quit();
    await server.stop();
  });

  it('to the gateways, for many leases: they are routed to all the same, and forgotten they find what passed them by', async () => {
    await using proxy = await TcpProxy.to(`127.0.0.1:${server.port}`);
    await using cluster = await startCluster({
      on: 'servers',
      gateways: 2,
      env: { ...keepsAll, REDIS_URL: server.url, REDIS_PREFIX, LEASE_MS: String(leaseMs) },
      gatewayEnv: { REDIS_URL: portOf(proxy) },
    });
    const people = await followers(cluster);
    const stream = await Stream.into(cluster, rooms);
    proxy.refuse();
    await leasesOver(redis);
    // The lanes are up: nobody is dead.
    await stream.more(20);
    for (const person of people) await person.hasAll(stream.soFar);
    await refusedToNewcomers(cluster);
    // And now nothing says that they were ever there.
    await removeRegistry(redis);
    await stream.more(20);
    proxy.accept();
    await gatewaysReady(cluster);
    await stream.stop();
    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes).toEqual([]);
      await person.leave();
    }
    await ledgersEven(cluster);
  });

  it.each(['cut', 'hung'] as const)(
    'to everybody, for many leases (%s): what was pushed meanwhile arrives',
    async (how) => {
      await using proxy = await TcpProxy.to(`127.0.0.1:${server.port}`);
      await using cluster = await startCluster({
        on: 'servers',
        gateways: 2,
        env: { ...keepsAll, REDIS_URL: portOf(proxy), REDIS_PREFIX, LEASE_MS: String(leaseMs) },
      });
      const people = await followers(cluster);
      const stream = await Stream.into(cluster, rooms);
      if (how === 'cut') proxy.refuse();
      else proxy.hold();
      await leasesOver(redis);
      await stream.more(20);
      const asked = await cluster.get('/v1/online');
      expect(asked).toMatchObject({ status: 504, body: { code: 'timeout' } });
      await until(
        async () => (await fetch(readyUrl(cluster))).status === 503,
        'the gateway to say that it is not ready',
      );
      await refusedToNewcomers(cluster);
      await stream.more(20);
      if (how === 'cut') proxy.accept();
      else proxy.release();
      await until(async () => (await cluster.get('/v1/online')).status === 200, 'logic to answer again');
      await gatewaysReady(cluster);
      await stream.stop();
      for (const person of people) {
        await person.hasAll(stream);
        expect(person.closes).toEqual([]);
        await person.leave();
      }
      await ledgersEven(cluster);
      // Nobody was judged by an outage.
      const dropped = await cluster.jobs[0]!.metrics.registry.metrics();
      expect(sumOf(dropped, 'skylark_dropped_total', { reason: 'node_lost' })).toBe(0);
    },
  );

  it('with its devices: they are claimed again, and a device that connects replaces the one before', async () => {
    await using cluster = await startCluster({
      on: 'servers',
      gateways: 2,
      env: { REDIS_URL: server.url, REDIS_PREFIX, LEASE_MS: String(leaseMs) },
    });
    const phone = { device: 'phone' };
    const before = await cluster.connect('ann', { query: phone });
    await removeRegistry(redis);
    const device = () => redis.hget(`${REDIS_PREFIX}d:{default/ann}`, 'phone');
    await until(async () => (await device()) !== null, 'the device to be claimed again');
    const after = await cluster.connect('ann', { gateway: 1, query: phone });
    expect(await before.closed).toMatchObject({ code: 4409 });
    await after.roundTrip();
  });
});

const readyUrl = ({ gateways }: Cluster) => `http://127.0.0.1:${gateways[0]!.httpPort}/health/ready`;

describeWithServers('a device that connects at two gateways at once', () => {
  it('has one connection in the end, fifty times over', async () => {
    await using cluster = await startCluster({ on: 'servers', gateways: 2 });
    for (const round of numbers(1, 50)) {
      const user = `ann-${round}`;
      const connecting = [0, 1].map((gateway) => cluster.connect(user, { gateway, query: { device: 'phone' } }));
      // One that lost before its welcome never had one.
      const clients = (await Promise.allSettled(connecting)).flatMap((one) =>
        one.status === 'fulfilled' ? [one.value] : [],
      );
      const count = async () =>
        (await cluster.get<{ connections: unknown[] }>(`/v1/users/${user}`)).body.connections.length;
      await until(async () => (await count()) === 1, 'one connection to be left');
      await until(
        () => clients.filter(({ socket }) => socket.readyState === socket.OPEN).length === 1,
        'the loser to hear',
      );
      const open = clients.filter(({ socket }) => socket.readyState === socket.OPEN);
      const losers = await Promise.all(clients.filter((client) => !open.includes(client)).map(({ closed }) => closed));
      expect([open.length, losers.map(({ code }) => code)]).toEqual([1, clients.length === 2 ? [4409] : []]);
    }
  });
});

describeWithServers('two processes with one NODE_ID', () => {
  it('the newer one stays, the older one ends and says why, and its clients lack nothing', async () => {
    await using cluster = new Processes(keepsAll);
    await cluster.startLogic();
    await cluster.startJob();
    const older = await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.ready();
    const people = await Promise.all(numbers(0, 1).map((n) => Follower.of(cluster, `u${n}`, rooms)));
    const stream = await Stream.into(cluster, rooms);
    await cluster.startGateway({ NODE_ID: 'g0' });
    expect(await older.exited).toMatchObject({ code: 1 });
    expect(await older.says('another process has this NODE_ID: ending')).toMatchObject({ node: 'g0' });
    await stream.more(20);
    await stream.stop();
    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes).toEqual([4503]);
      await person.leave();
    }
  });
});
