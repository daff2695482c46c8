import { randomBytes } from 'node:crypto';
import kafkajs, { type Admin } from 'kafkajs';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { remakeTopic } from '../support/kafka-topics.js';
import { Follower, keepsAll, Stream } from './stream.js';

const brokers = process.env.KAFKA_BROKERS ?? '';
const describeWithServers = process.env.REDIS_URL && brokers ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];

describeWithServers('offsets of the bus that begin again in mid-stream', () => {
  let admin: Admin;
  let prefix: string;

  beforeEach(async () => {
    prefix = `t${randomBytes(5).toString('hex')}.`;
    admin = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
  });

  afterEach(() => admin.disconnect());

  const start = () =>
    startCluster({ on: 'servers', gateways: 2, jobs: 2, env: { ...keepsAll, KAFKA_TOPIC_PREFIX: prefix } });

  const followers = (cluster: Cluster) =>
    Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));

  it('deliver all of a topic that was made anew, and clients are told what may be missing', async () => {
    await using cluster = await start();
    const people = await followers(cluster);
    const stream = await Stream.into(cluster, rooms);
    await stream.more(100);
    await remakeTopic(admin, `${prefix}records`, 4);
    await stream.more(100);
    await stream.stop();
    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes).toEqual([4410]);
      expect(person.recovered).toEqual(rooms.map(() => false));
    }

    const next = await Stream.into(cluster, rooms);
    await next.stop();
    for (const person of people) {
      await person.hasAll(next);
      await person.leave();
    }
  });
});
