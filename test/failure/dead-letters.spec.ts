import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import { Metrics, readConfig, silentLog } from '@app/runtime';
import { jobConfig } from '../../apps/job/src/job.config.js';
import { startJob } from '../../apps/job/src/start.js';
import { clusterEnv, startCluster, type Cluster } from '../support/cluster.js';
import { startKafka } from '../support/kafka-server.js';
import { startRedis } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

interface Letter {
  reason: string;
  error: string;
  key: string;
  messageId?: string;
  source: { topic: string; shard: number; offset: number };
}

const lettersOf = async (cluster: Cluster, query = ''): Promise<Letter[]> => {
  const { status, body } = await cluster.get<{ deadLetters: Letter[] }>(`/v1/dead-letters${query}`);
  expect(status).toBe(200);
  return body.deadLetters;
};

const deadOf = async (cluster: Cluster): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { metrics } of cluster.jobs) {
    const { values } = await metrics.registry.getSingleMetric('skylark_dead_total')!.get();
    for (const { labels, value } of values)
      counts[String(labels.reason)] = (counts[String(labels.reason)] ?? 0) + value;
  }
  return counts;
};

/** `npm run replay -- …`, as an operator runs it. */
async function replay(cluster: Cluster, ...options: string[]): Promise<{ code: number; said: string }> {
  const script = join(process.cwd(), 'scripts/replay.mjs');
  const run = promisify(execFile)(process.execPath, [script, '--logic', cluster.restUrls[0]!, ...options]);
  return run.then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      said: error.stdout + error.stderr,
    }),
  );
}

const data = (packets: readonly { data?: unknown }[]) => packets.map((packet) => packet.data);

describeWithServers('dead letters', () => {
  it('leave the good records of their shard in order, and are delivered when what was wrong is mended', async () => {
    const env = clusterEnv({ SHARDS: '1' });
    await using cluster = await startCluster({ on: 'servers', env });
    const ann = await cluster.connect('ann', { rooms: ['good', 'bad'] });
    const redis = new Redis(process.env.REDIS_URL!);
    const kafka = new kafkajs.Kafka({
      brokers: process.env.KAFKA_BROKERS!.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const producer = kafka.producer();
    await producer.connect();
    const push = (text: string, ...rooms: string[]) => cluster.push('rooms', { rooms, type: 3, data: text });

    const list = `${env.REDIS_PREFIX}h:{default/room:bad}:l`;
    await redis.set(list, 'no list'); // every append to the room fails, for as long as this stands there
    await push('one', 'good');
    const [bad] = [await push('bad', 'bad')];
    await producer.send({ topic: `${env.KAFKA_TOPIC_PREFIX}records`, messages: [{ key: 'k', value: 'garbage' }] });
    await push('two', 'good');
    await push('both', 'good', 'bad');
    await push('three', 'good');
    await ann.next(({ data: text }) => text === 'three');

    // What stands in a room's history without having come is seen as a gap, and filled.
    expect(data(ann.received('room:good'))).toEqual(['one', 'two', 'both', 'three']);
    expect(ann.received('room:bad')).toEqual([]);
    expect(await deadOf(cluster)).toEqual({ undecodable: 1, failing: 2 });
    // What cannot be read dies first of the records that are read together: their order is the shard's.
    const letters = (await lettersOf(cluster)).sort((a, b) => a.source.offset - b.source.offset);
    expect(letters.map(({ reason, key }) => `${reason} ${key}`)).toEqual([
      'failing default/room:bad',
      'undecodable k',
      'failing default/room:good',
    ]);
    expect(letters[0]).toMatchObject({ messageId: bad, error: expect.stringContaining('WRONGTYPE') });
    expect(letters[0]!.source).toMatchObject({ topic: `${env.KAFKA_TOPIC_PREFIX}records`, shard: 0, offset: 1 });

    await redis.del(list);
    expect(await replay(cluster, '--reason', 'failing', '--dry-run')).toMatchObject({
      code: 0,
      said: expect.stringContaining('2 would be sent again, 0 refused.'),
    });
    // No job is there to take them, and the next one has not seen them die.
    const [first] = cluster.jobs.splice(0);
    await first!.close();
    expect(await replay(cluster, '--reason', 'failing')).toMatchObject({
      code: 0,
      said: expect.stringContaining('2 sent again, 0 refused.'),
    });
    const metrics = new Metrics();
    const config = readConfig(env, (reader) => jobConfig(reader, 'distributed'));
    const second = await startJob({ config, log: silentLog, metrics, listenHttp: false });
    cluster.jobs.push(Object.assign(second, { metrics }));
    await ann.next(({ data: text, channel }) => text === 'both' && channel === 'room:bad');
    expect(await replay(cluster, '--reason', 'failing')).toMatchObject({
      code: 0,
      said: expect.stringContaining('No dead letters.'),
    });

    // Still garbage: it dies again, and is another letter.
    expect((await replay(cluster, '--since', '1h', '--limit', '5')).said).toContain('1 sent again, 0 refused.');
    await until(async () => (await deadOf(cluster)).undecodable === 1, 'the garbage to die again');
    const [again, ...more] = await lettersOf(cluster);
    expect(more).toEqual([]);
    expect(again!.source.offset).toBeGreaterThan(letters[1]!.source.offset);

    await push('end', 'good');
    await ann.next(({ data: text }) => text === 'end');
    expect(data(ann.received('room:bad'))).toEqual(['bad', 'both']);
    expect(data(ann.received('room:good'))).toEqual(['one', 'two', 'both', 'three', 'end']);
    await producer.disconnect();
    await redis.quit();
    await second.close();
  });

  it('are made by no outage: Redis full, without replicas, read-only, hung or gone, and Kafka killed', async () => {
    const [redis, kafka] = await Promise.all([startRedis(), startKafka()]);
    const proxy = await TcpProxy.to(new URL(redis.url).host);
    const admin = new Redis(redis.url);
    const errors = async (code: string) =>
      Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(await admin.info('errorstats'))?.[1] ?? 0);
    try {
      const env = { ...keepsAll, REDIS_URL: `redis://${proxy.address}`, KAFKA_BROKERS: kafka.brokers, SHARDS: '2' };
      await using cluster = await startCluster({ on: 'servers', env });
      const ann = await Follower.of(cluster, 'ann', ['a', 'b'], 0);
      const stream = await Stream.into(cluster, ['a', 'b']);
      const sick: [code: string, begin: string[], end: string[]][] = [
        ['OOM', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
        [
          'NOREPLICAS',
          ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
          ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
        ],
        ['NOPERM', ['ACL', 'SETUSER', 'default', '-evalsha', '-eval'], ['ACL', 'SETUSER', 'default', '+@all']],
        ['READONLY', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
      ];
      for (const [code, [begin, ...args], [end, ...undo]] of sick) {
        const before = await errors(code);
        await admin.call(begin!, ...args);
        await stream.more(5);
        await until(async () => (await errors(code)) >= before + 8, `Redis to answer ${code}`);
        await admin.call(end!, ...undo);
        await stream.more(5);
      }
      proxy.hold();
      await stream.more(10);
      proxy.release();
      proxy.refuse();
      await stream.more(10);
      proxy.accept();
      await kafka.kill('SIGKILL');
      await kafka.restart();
      await stream.more(10);
      await stream.stop();
      await ann.hasAll(stream);
      await ann.leave();
      await ledgersEven(cluster);

      expect(await deadOf(cluster)).toEqual({});
      expect(await lettersOf(cluster)).toEqual([]);
    } finally {
      await admin.quit();
      await proxy.close();
      await Promise.all([redis.stop(), kafka.stop()]);
    }
  });
});
