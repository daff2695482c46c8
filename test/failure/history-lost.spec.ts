import { Redis } from 'ioredis';
import type { Welcome } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { replicasFollow } from '../support/redis-replicas.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];

const start = (env: Record<string, string>) =>
  startCluster({ on: 'servers', gateways: 2, jobs: 2, env: { ...keepsAll, ...env } });

const followers = (cluster: Cluster) =>
  Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));

/** Over all jobs. */
async function counted(cluster: Cluster, name: string, outcome?: string): Promise<number> {
  const values = await Promise.all(
    cluster.jobs.map(async ({ metrics }) => {
      const counter = metrics.registry.getSingleMetric(name)!;
      return (await counter.get()).values.filter(({ labels }) => labels.outcome === outcome);
    }),
  );
  return values.flat().reduce((sum, { value }) => sum + value, 0);
}

const epochsEnded = (cluster: Cluster) => counted(cluster, 'skylark_job_history_lost_total', 'epoch_ended');
const unreplicated = (cluster: Cluster) => counted(cluster, 'skylark_history_unreplicated_total');

const promote = async (replica: RedisServer) => {
  const redis = new Redis(replica.url);
  await redis.replicaof('NO', 'ONE');
  await redis.quit();
};

describeWithServers('history that lost something', () => {
  it('nobody notices when a replica takes over in mid-stream that was waited for', async () => {
    const master = await startRedis({ appendonly: true });
    const replica = await startRedis({ replicaOf: master });
    const proxy = await TcpProxy.to(`127.0.0.1:${master.port}`);
    try {
      await replicasFollow(master);
      await using cluster = await start({ REDIS_URL: `redis://${proxy.address}` });
      const people = await followers(cluster);
      const stream = await Stream.into(cluster, rooms);
      await stream.more(20);
      await master.kill('SIGKILL');
      await promote(replica);
      proxy.target = `127.0.0.1:${replica.port}`;
      await stream.more(50);
      await stream.stop();
      for (const person of people) {
        await person.hasAll(stream);
        expect(person.closes).toEqual([]);
        await person.leave();
      }
      await ledgersEven(cluster);
      expect(await epochsEnded(cluster)).toBe(0);
    } finally {
      await proxy.close();
      await replica.stop();
      await master.stop();
    }
  });

  it('a replica that hears nothing stops nobody; when it takes over with less, everybody is told', async () => {
    const master = await startRedis({ appendonly: true });
    const wire = await TcpProxy.to(`127.0.0.1:${master.port}`);
    const replica = await startRedis({ replicaOf: wire });
    const proxy = await TcpProxy.to(`127.0.0.1:${master.port}`);
    try {
      await replicasFollow(master);
      await using cluster = await start({ REDIS_URL: `redis://${proxy.address}`, HISTORY_REPLICAS_MS: '50' });
      const people = await followers(cluster);
      const stream = await Stream.into(cluster, rooms);
      wire.hold();
      await stream.more(50);
      for (const person of people) await person.hasAll(stream.soFar);
      const before = await unreplicated(cluster);
      await until(async () => (await unreplicated(cluster)) > before + 2, 'commits without the replica');
      await master.kill('SIGKILL');
      await wire.close(); // and what it held with it
      await promote(replica);
      proxy.target = `127.0.0.1:${replica.port}`;
      await stream.more(50);
      await stream.stop();
      for (const person of people) {
        await person.hasAll(stream);
        expect(person.closes).toContain(4410);
        expect(person.recovered.slice(0, rooms.length)).toEqual(rooms.map(() => false));
        await person.leave();
      }
      await ledgersEven(cluster);
      expect(await epochsEnded(cluster)).toBeGreaterThan(0);
    } finally {
      await proxy.close();
      await wire.close();
      await replica.stop();
      await master.stop();
    }
  });

  it('everybody is told when Redis was restored from an older copy, who is there and who comes back', async () => {
    const redis = await startRedis({ appendonly: true });
    try {
      await using cluster = await start({ REDIS_URL: redis.url });
      const people = await followers(cluster);
      const stream = await Stream.into(cluster, rooms);
      const copy = await redis.snapshot();
      await stream.more(30);
      const away = await cluster.connect('away', { rooms });
      await away.next(({ channel }) => channel === 'room:a');
      const { epoch } = (away.packets[0]!.data as Welcome).channels['room:a']!;
      await away.drop();
      const { offset } = away.received('room:a').at(-1)!;
      await stream.more(20);
      await redis.kill('SIGKILL');
      await copy.restore();
      await redis.restart();
      await stream.more(50);
      await stream.stop();
      for (const person of people) {
        await person.hasAll(stream);
        expect(person.closes).toContain(4410);
        expect(person.recovered.slice(0, rooms.length)).toEqual(rooms.map(() => false));
        await person.leave();
      }
      await ledgersEven(cluster);
      const back = await cluster.connect('away', { rooms: ['a'], query: { since: `room:a@${epoch}:${offset}` } });
      const stands = (back.packets[0]!.data as Welcome).channels['room:a']!;
      expect(stands).toMatchObject({ recovered: false });
      expect(stands.epoch).not.toBe(epoch);
    } finally {
      await redis.stop();
    }
  });

  it('is noticed where nothing is pushed, and who was away is told', async () => {
    const redis = await startRedis({ appendonly: true });
    try {
      await using cluster = await start({ REDIS_URL: redis.url });
      const copy = await redis.snapshot();
      const ann = await cluster.connect('ann', { rooms: ['a'] });
      for (const n of numbers(1, 3)) await cluster.push('rooms', { rooms: ['a'], type: 3, data: n });
      await ann.next(({ data }) => data === 2);
      const { epoch } = (ann.packets[0]!.data as Welcome).channels['room:a']!;
      const { offset } = ann.received('room:a').find(({ data }) => data === 1)!;
      await ann.drop();
      await ledgersEven(cluster); // what is not committed yet would be there again, and nothing lost
      await redis.kill('SIGKILL');
      await copy.restore();
      await redis.restart();
      await until(async () => (await epochsEnded(cluster)) > 0, 'the loss to be noticed');
      const since = { since: `room:a@${epoch}:${offset}` };
      const back = await cluster.connect('ann', { gateway: 1, rooms: ['a'], query: since });
      expect((back.packets[0]!.data as Welcome).channels['room:a']).toMatchObject({ recovered: false });
      await cluster.push('rooms', { rooms: ['a'], type: 3, data: 4 });
      await back.next(3);
      expect(back.received('room:a').map(({ data }) => data)).toEqual([4]);
    } finally {
      await redis.stop();
    }
  });
});
