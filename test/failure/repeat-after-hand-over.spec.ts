import { createBus } from '@app/bus';
import { bodyCodec, recordCodec } from '@app/protocol/wires';
import { Metrics, silentLog } from '@app/runtime';
import { startCluster } from '../support/cluster.js';

const brokers = process.env.KAFKA_BROKERS ?? '';
const describeWithServers = process.env.REDIS_URL && brokers ? describe : describe.skip;

/** A record of the room, as logic makes it. */
function recordOf(id: string, retain: boolean): Buffer {
  const nobody = { excludeUsers: [], excludeConnections: [], match: '', variants: [], traceparent: '' };
  const about = { id, type: 3, encoding: 0 as const, acceptedAtMs: Date.now(), expiresAtMs: 0 };
  const body = bodyCodec.encode({ ...about, payload: Buffer.from('"x"'), ...nobody });
  const targets = [{ channel: 'room:loose', devices: [] }];
  return recordCodec.encode({ app: 'default', targets, body, id, expiresAtMs: 0, retain, speed: 0, part: 0 });
}

describeWithServers('a repeat by a producer that comes after its shard has changed hands', () => {
  it.each([
    ['a channel that keeps nothing', 'room:loose=0', true],
    ['a message that is not retained', 'room:=100/5m', false],
  ])('is dropped and counted, for %s', async (_, policies, retain) => {
    const prefix = `t${Math.random().toString(36).slice(2)}.`;
    await using cluster = await startCluster({
      on: 'servers',
      jobs: 2,
      env: { CHANNEL_POLICIES: policies, KAFKA_TOPIC_PREFIX: prefix },
    });
    const bus = createBus({
      backend: 'kafka',
      brokers: brokers.split(','),
      topicPrefix: prefix,
      shards: 4,
      clientId: 'skylark-test',
      log: silentLog,
      metrics: new Metrics(),
    });
    await bus.open();
    try {
      const key = 'default/room:loose';
      const publish = (id: string) => bus.publish([{ shard: bus.shardOf(key), key, value: recordOf(id, retain) }]);
      const client = await cluster.connect('ann', { rooms: ['loose'] });
      const ids = ['1', '2', '3'].map((n) => n.padStart(26, '0'));
      for (const id of ids) {
        await publish(id);
        await client.next((packet) => packet.id === id);
      }
      const [leaving, staying] = cluster.jobs;
      await leaving!.close(); // commits what it had, and the other one begins every shard anew
      await publish(ids[1]!);
      const last = 'L'.padStart(26, '0');
      await publish(last);
      await client.next((packet) => packet.id === last);

      expect(client.received('room:loose').map((packet) => packet.id)).toEqual([...ids, last]);
      const dropped = await staying!.metrics.dropped.get();
      expect(dropped.values.map(({ labels, value }) => [labels.stage, labels.reason, value])).toEqual([
        ['job', 'duplicate', 1],
      ]);
    } finally {
      await bus.close();
    }
  });
});
