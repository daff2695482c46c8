import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { bodyCodec, Encoding, recordCodec } from '@app/protocol/wires';
import { startCluster } from '../support/cluster.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const { Kafka, logLevel } = kafkajs;

/** Fields 127 and 1023, as a later version might write them. */
const laterFields = Buffer.from([0xfa, 0x07, 3, 1, 2, 3, 0xf8, 0x3f, 5]);

describeWithServers('records that others put on the bus', () => {
  it('are passed over and counted when they do not decode, and read when they are of a later version', async () => {
    const KAFKA_TOPIC_PREFIX = `strange-${randomUUID().slice(0, 8)}.`;
    await using cluster = await startCluster({ on: 'servers', env: { SHARDS: '1', KAFKA_TOPIC_PREFIX } });
    const client = await cluster.connect('ann', { rooms: ['r'] });
    const payload = Buffer.from('"later"');
    const body = Buffer.concat([
      bodyCodec.encode({
        id: 'LATER',
        type: 3,
        encoding: Encoding.json,
        payload,
        acceptedAtMs: 1,
        expiresAtMs: 0,
        traceparent: '',
        excludeUsers: [],
        excludeConnections: [],
        match: '',
        variants: [],
      }),
      laterFields,
    ]);
    const record = (id: string, bytes: Buffer) =>
      Buffer.concat([
        recordCodec.encode({
          app: 'default',
          id,
          part: 0,
          retain: true,
          expiresAtMs: 0,
          speed: 0,
          body: bytes,
          targets: [{ channel: 'room:r', devices: [] }],
        }),
        laterFields,
      ]);

    const kafka = new Kafka({ brokers: process.env.KAFKA_BROKERS!.split(','), logLevel: logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    const values = [null, Buffer.from('no record'), record('BAD', Buffer.alloc(9, 0xff)), record('LATER', body)];
    await producer.send({
      topic: `${KAFKA_TOPIC_PREFIX}records`,
      messages: values.map((value) => ({ value, partition: 0 })),
    });
    await producer.disconnect();
    await cluster.push('rooms', { rooms: ['r'], type: 3, data: 'after' });

    await client.next(({ data }) => data === 'after');
    expect(client.received('room:r').map(({ data }) => data)).toEqual(['later', 'after']);
    expect(await cluster.jobs[0]!.metrics.registry.getSingleMetricAsString('skylark_dead_total')).toMatch(
      /reason="undecodable"[^}]*} 2$/m,
    );
  });
});
