import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import kafkajs from 'kafkajs';
import { createMemoryHistory, defaultPolicies, parsePolicies } from '@app/history';
import { parseConnectionId, type Welcome } from '@app/protocol';
import { Refusal, deliveryAckCodec } from '@app/protocol/wires';
import { createMemoryRegistry, nodeRef } from '@app/registry';
import { RpcClient, admit, deliver, rpcPortOf, rpcServerOptions, type Contract } from '@app/rpc';
import { Metrics, readConfig, silentLog } from '@app/runtime';
import { gatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { startGateway } from '../../apps/gateway/src/start.js';
import { clusterEnv, startCluster } from '../support/cluster.js';
import { connect } from '../support/wire-client.js';

const secret = 'a secret of this test';

/** One field of a protobuf message: its number, and a varint, a text, bytes or a message. */
type Field = [number: number, value: number | string | Buffer | Field[]];

/** Protobuf by hand (protobuf.dev/programming-guides/encoding), so that no schema of ours is in between. */
function message(...fields: Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number << 3), varint(value)];
      const bytes = Array.isArray(value) ? message(...value) : Buffer.from(value as string);
      return [varint((number << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}

/** What a later version might add, of every wire type: a varint, bytes, 64 and 32 bits. */
const laterFields = Buffer.concat([
  message([126, 7], [127, 'later']),
  varint((125 << 3) | 1),
  Buffer.alloc(8, 1),
  varint((124 << 3) | 5),
  Buffer.alloc(4, 1),
]);

/**
 * The wires as the version before this one wrote them, which knew only what the first field numbers say, and as the next
 * one might: the same, and in every message fields that we do not know.
 */
const versions = {
  'the version before': Buffer.alloc(0),
  'the next version': laterFields,
} as const;
const each = Object.entries(versions);

const zigzag = (value: number) => (value >= 0 ? value * 2 : -value * 2 - 1);
const bodyOf = (id: string, data: string, later: Buffer) =>
  Buffer.concat([message([1, id], [2, zigzag(3)], [4, JSON.stringify(data)], [5, 1]), later]);

/** Bytes as they are, whatever the contract would make of them. */
const raw = ({ pattern }: Contract<never, never>): Contract<Buffer, Buffer> => {
  const same = { encode: (bytes: Buffer) => bytes, decode: (bytes: Uint8Array) => Buffer.from(bytes) };
  return { pattern, request: same, response: same };
};

describe('a rolling deploy, old next to new', () => {
  it.each(each)('takes a delivery from a job of %s', async (_version, later) => {
    await using cluster = await startCluster();
    const client = await cluster.connect('ann', { rooms: ['r'] });
    const { epoch, connectionId } = welcomeOf(client.packets[0]!.data, 'room:r');
    const { node, incarnation } = parseConnectionId(connectionId)!;
    const job = new RpcClient({ host: '127.0.0.1', port: cluster.gateways[0]!.rpcPort, secret, log: silentLog });
    const step = Buffer.concat([message([1, 'room:r'], [3, zigzag(-1)]), later]);
    const body = bodyOf('01JD0000000000000000000000', 'from another version', later);
    const delivery = Buffer.concat([message([1, 1_000], [2, step], [3, body], [4, 'default']), later]);
    const batch = message([1, epoch], [2, 99], [3, 1], [4, nodeRef(node, incarnation)], [5, delivery]);
    const answer = await job.call(raw(deliver as never), Buffer.concat([batch, later]), 5_000);
    job.close();
    expect(deliveryAckCodec.decode(answer)).toMatchObject({ taken: 1_000, refused: Refusal.none });
    expect(await client.next(3)).toMatchObject({ data: 'from another version', channel: 'room:r', offset: 1_000 });
  });

  it('answers a gateway of the version before and of the next one who asks for admission', async () => {
    await using cluster = await startCluster();
    const gateway = new RpcClient({ host: '127.0.0.1', port: cluster.logics[0]!.rpcPort, secret, log: silentLog });
    const requests = [
      { user: 'old', rooms: ['r'], labels: {}, remoteAddress: '127.0.0.1' },
      { user: 'new', rooms: ['r'], labels: {}, remoteAddress: '127.0.0.1', region: 'eu', protocol: { minor: 2 } },
    ];
    const answer = await gateway.call(raw(admit as never), Buffer.from(JSON.stringify(requests)), 5_000);
    gateway.close();
    expect(JSON.parse(answer.toString())).toMatchObject([
      { ok: true, user: 'old', rooms: ['r'] },
      { ok: true, user: 'new', rooms: ['r'] },
    ]);
  });

  it.each([
    ['the version before', {}],
    ['the next version', { quota: 7, plan: { name: 'x' } }],
  ])('lets in whom a logic of %s admits', async (_version, later) => {
    const admitted = { ok: true, app: 'default', user: 'ann', rooms: ['r'], labels: {}, expiresAtMs: 0, ...later };
    const registry = createMemoryRegistry();
    await using logic = await logicThatAnswers([admitted]);
    await registry.nodes.renew({ ...logicEntry, port: logic.port, ...later }, 60_000);
    const config = readConfig(clusterEnv(), (reader) => gatewayConfig(reader, 'standalone'));
    const history = createMemoryHistory(parsePolicies(defaultPolicies));
    const gateway = await startGateway({ config, registry, history, log: silentLog, listenHttp: false });
    try {
      const client = await connect(`ws://127.0.0.1:${gateway.port}/connect`, { query: { user: 'ann', rooms: 'r' } });
      expect(await client.welcome()).toMatchObject({ userId: 'ann', rooms: ['r'] });
      await client.drop();
    } finally {
      await gateway.close();
    }
  });
});

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

describeWithServers('the bus in a rolling deploy', () => {
  it.each(each)('carries a record of a logic of %s', async (_version, later) => {
    const KAFKA_TOPIC_PREFIX = `versions-${randomUUID().slice(0, 8)}.`;
    await using cluster = await startCluster({ on: 'servers', env: { SHARDS: '1', KAFKA_TOPIC_PREFIX } });
    const client = await cluster.connect('ann', { rooms: ['r'] });
    const id = '01JD0000000000000000000001';
    const target = Buffer.concat([message([1, 'room:r']), later]);
    const record = message([1, 'default'], [2, target], [3, bodyOf(id, 'carried', later)], [4, id], [6, 1]);
    const kafka = new kafkajs.Kafka({
      brokers: process.env.KAFKA_BROKERS!.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const producer = kafka.producer();
    await producer.connect();
    const value = Buffer.concat([record, later]);
    await producer.send({ topic: `${KAFKA_TOPIC_PREFIX}records`, messages: [{ value, partition: 0 }] });
    await producer.disconnect();
    expect(await client.next(3)).toMatchObject({ id, data: 'carried', channel: 'room:r' });

    const { epoch, offset } = welcomeOf(client.packets[0]!.data, 'room:r');
    const back = await cluster.connect('bob', { rooms: ['r'], query: { since: `room:r@${epoch}:${offset}` } });
    expect(await back.next(3)).toMatchObject({ id, data: 'carried' });
  });
});

const logicEntry = {
  kind: 'logic',
  id: 'l1',
  incarnation: 1,
  host: '127.0.0.1',
  address: '',
  region: '',
  state: 'serving',
  connections: 0,
  users: 0,
  rooms: 0,
  startedAtMs: 0,
} as const;

/** A logic that answers every admission with these bytes. */
async function logicThatAnswers(answers: unknown) {
  @Controller()
  class Doors {
    @MessagePattern(admit.pattern)
    admit(@Payload() _bytes: Uint8Array): Buffer {
      return Buffer.from(JSON.stringify(answers));
    }
  }
  class Logic {}
  const settings = { host: '127.0.0.1', port: 0, secret, log: silentLog, metrics: new Metrics() };
  const logic = await NestFactory.createMicroservice(
    { module: Logic, controllers: [Doors] },
    { ...rpcServerOptions(settings), logger: false },
  );
  await logic.listen();
  return { port: rpcPortOf(logic), [Symbol.asyncDispose]: () => logic.close() };
}

function welcomeOf(data: unknown, channel: string): { epoch: string; offset: number; connectionId: string } {
  const { connectionId, channels } = data as Welcome;
  return { connectionId, ...channels[channel]! };
}
