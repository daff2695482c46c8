import * as contracts from '@app/rpc';
import { RpcClient, RpcError, type Contract } from '@app/rpc';
import { silentLog } from '@app/runtime';
import { startCluster, type Cluster } from '../support/cluster.js';
import { Seeded, mutated, mutatedText } from './seeded.js';

/** What is asked of a process goes as bytes here, whatever they are. */
const raw = (pattern: string): Contract<Buffer, Buffer> => {
  const asTheyAre = { encode: (bytes: Buffer) => bytes, decode: (bytes: Uint8Array) => Buffer.from(bytes) };
  return { pattern, request: asTheyAre, response: asTheyAre };
};

const patterns = Object.values(contracts).flatMap((value) =>
  typeof value === 'object' && 'pattern' in value ? [value.pattern] : [],
);

const questions: readonly unknown[] = [
  [{ rooms: ['a'], labels: { k: 'v' }, remoteAddress: '127.0.0.1', user: 'u', device: 'd' }],
  { app: 'default', room: 'a', action: 'join', connections: ['g~1~1'], users: ['u1'] },
  { connections: ['g~1~1'], why: 'kicked', reason: 'x' },
  {
    app: 'default',
    targets: [{ channel: 'room:a', devices: [] }],
    type: 3,
    excludeUsers: [],
    excludeConnections: [],
    match: '',
  },
  {
    app: 'default',
    users: ['u1'],
    channel: 'room:a',
    after: '',
    limit: 10,
    set: { k: 'v' },
    unset: [],
    token: 'a.b.c',
  },
];

describe('a peer that knows the secret and has gone mad', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it.each(['gateway', 'logic'] as const)(
    'gets an answer or a refusal from %s, and nobody else notices',
    async (app) => {
      const bystander = await cluster.connect('bystander', { rooms: ['stand'] });
      const port = app === 'gateway' ? cluster.gateways[0]!.rpcPort : cluster.logics[0]!.rpcPort;
      const peer = new RpcClient({ host: '127.0.0.1', port, secret: 'a secret of this test', log: silentLog });
      const random = new Seeded(1, app);
      const odd: string[] = [];
      for (let n = 0; n < 3_000; n += 1) {
        const json = JSON.stringify(mutated(random, random.one(questions))) ?? '';
        const bytes = random.chance(20)
          ? random.bytes(60)
          : Buffer.from(random.chance(15) ? mutatedText(random, json) : json);
        const pattern = random.one(patterns);
        await peer.call(raw(pattern), bytes, 5_000).catch((error: unknown) => {
          const isRefusal = error instanceof RpcError && error.failure === 'remote';
          if (!isRefusal) odd.push(`${pattern} ${bytes.toString('latin1')}: ${String(error)}`);
        });
      }
      peer.close();
      expect(odd).toEqual([]);
      await cluster.push('rooms', { rooms: ['stand'], type: 3, data: 'still here' });
      await bystander.next((packet) => packet.data === 'still here');
    },
  );
});
