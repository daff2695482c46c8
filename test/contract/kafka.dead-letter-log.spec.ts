import { randomBytes } from 'node:crypto';
import { Metrics, silentLog } from '@app/runtime';
import kafkajs, { type Admin } from 'kafkajs';
import { dead, describeDeadLetterLog } from '../../libs/bus/src/dead-letter-log.contract.js';
import { KafkaDeadLetterLog } from '../../libs/bus/src/kafka/kafka.dead-letter-log.js';
import type { KafkaBusOptions } from '../../libs/bus/src/kafka/kafka.options.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const brokers = process.env['KAFKA_BROKERS']?.split(',') ?? [];
const withKafka = brokers.length > 0 ? describe : describe.skip;

const freshPrefix = () => `t${randomBytes(5).toString('hex')}.`;

const logOf = (topicPrefix: string, options: Partial<KafkaBusOptions> = {}) =>
  new KafkaDeadLetterLog({
    brokers,
    topicPrefix,
    shards: 4,
    clientId: 'skylark-test',
    log: silentLog,
    metrics: new Metrics(),
    ...options,
  });

withKafka('with Apache Kafka', () => {
  let admin: Admin;
  beforeAll(async () => {
    admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
  });
  afterAll(() => admin.disconnect());

  describeDeadLetterLog('kafka', async () => {
    const prefix = freshPrefix();
    return { log: logOf(prefix), another: logOf(prefix), dispose: async () => {} };
  });

  describe('kafka dead letters', () => {
    it('lie in a topic of one partition that keeps them, under the key and value of the source, with all in headers', async () => {
      const prefix = freshPrefix();
      await using log = closing(logOf(prefix));
      await log.put(dead(7, { reason: 'poison', error: 'ReplyError: no', messageId: 'M1' }));
      const { topics } = await admin.fetchTopicMetadata({ topics: [`${prefix}dead`] });
      expect(topics[0]!.partitions).toHaveLength(1);

      const consumer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).consumer({
        groupId: `${prefix}look`,
        maxWaitTimeInMs: 100,
      });
      await consumer.connect();
      await consumer.subscribe({ topics: [`${prefix}dead`], fromBeginning: true });
      const seen: object[] = [];
      await consumer.run({
        eachMessage: async ({ message: { key, value, headers = {} } }) => {
          const said = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)]));
          seen.push({ key: key?.toString(), value: value?.toString(), headers: said });
        },
      });
      await until(() => seen.length === 1);
      await consumer.disconnect();
      expect(seen).toEqual([
        {
          key: 'default/room:r',
          value: 'value 7',
          headers: {
            'source-topic': `${prefix}records`,
            'source-epoch': 'e',
            'source-shard': '1',
            'source-offset': '7',
            'died-at': '2026-01-01T00:00:07.000Z',
            'message-id': 'M1',
            reason: 'poison',
            error: 'ReplyError: no',
            job: 'job-1',
          },
        },
      ]);
    });

    it('are waited for while Kafka is away, and until it has answered', async () => {
      const proxy = await TcpProxy.to(brokers[0]!);
      const prefix = freshPrefix();
      const options = { brokers: [proxy.address], requestTimeoutMs: 500, publishTimeoutMs: 1_000 };
      await using log = closing(logOf(prefix, options));
      proxy.refuse();
      let isKept = false;
      const putting = log.put(dead(1)).then(() => (isKept = true));
      await expect(log.list({ limit: 1 })).rejects.toThrow('cannot be reached');
      expect(isKept).toBe(false);
      proxy.accept();
      await putting;
      await using another = closing(logOf(prefix));
      expect((await another.list({ limit: 10 })).letters).toHaveLength(1);
      await proxy.close();
    });

    it('leave no group behind', async () => {
      const prefix = freshPrefix();
      await using log = closing(logOf(prefix));
      await log.put(dead(1));
      expect((await log.list({ limit: 1 })).letters).toHaveLength(1);
      const left = async () => (await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith(prefix));
      await until(async () => (await left()).length === 0);
    });

    it('are kept without their value when the topic does not take it', async () => {
      const prefix = freshPrefix();
      const config = [{ name: 'max.message.bytes', value: '10000' }];
      const topics = [{ topic: `${prefix}dead`, numPartitions: 1, configEntries: config }];
      await admin.createTopics({ topics, waitForLeaders: true });
      await using log = closing(logOf(prefix));
      await log.put(dead(1, { value: Buffer.alloc(50_000, 7) }));
      expect((await log.list({ limit: 10 })).letters).toMatchObject([{ isCut: true, source: { offset: 1 } }]);
    });
  });
});

const closing = (log: KafkaDeadLetterLog) => Object.assign(log, { [Symbol.asyncDispose]: () => log.close() });
