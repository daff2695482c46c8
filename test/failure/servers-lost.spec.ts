import { Redis } from 'ioredis';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { startKafka } from '../support/kafka-server.js';
import { startRedis } from '../support/redis-server.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];

const start = (env: Record<string, string>) =>
  startCluster({ on: 'servers', gateways: 2, jobs: 2, env: { ...keepsAll, ...env } });

const followers = (cluster: Cluster) =>
  Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));

describeWithServers('a server that dies in mid-stream', () => {
  it('nobody notices at the clients when it is Kafka, and it comes back', async () => {
    const kafka = await startKafka();
    try {
      await using cluster = await start({ KAFKA_BROKERS: kafka.brokers });
      const people = await followers(cluster);
      const stream = await Stream.into(cluster, rooms);
      await kafka.kill('SIGKILL');
      await kafka.restart();
      await stream.more(50);
      await stream.stop();
      for (const person of people) {
        await person.hasAll(stream);
        expect(person.closes).toEqual([]);
        await person.leave();
      }
      await ledgersEven(cluster);
    } finally {
      await kafka.stop();
    }
  });

  it('nobody notices at the clients when it is Redis with its log; when it forgets, they are told', async () => {
    const redis = await startRedis({ appendonly: true });
    try {
      await using cluster = await start({ REDIS_URL: redis.url });
      const people = await followers(cluster);
      const stream = await Stream.into(cluster, rooms);
      await redis.kill('SIGKILL');
      await stream.more(20);
      await redis.restart();
      await stream.more(50);
      await stream.stop();
      for (const person of people) {
        await person.hasAll(stream);
        expect(person.closes).toEqual([]);
      }

      const next = await Stream.into(cluster, rooms);
      const admin = new Redis(redis.url);
      await admin.flushall();
      await admin.quit();
      await next.more(50);
      await next.stop();
      for (const person of people) {
        await person.hasAll(next);
        expect(person.closes[0]).toBe(4410);
        expect(person.recovered.slice(0, rooms.length)).toEqual(rooms.map(() => false));
        await person.leave();
      }
      await ledgersEven(cluster);
    } finally {
      await redis.stop();
    }
  });
});
