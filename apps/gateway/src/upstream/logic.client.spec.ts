import { createMemoryRegistry, type NodeEntry } from '@app/registry';
import { RpcError, type Admission, type AdmissionRequest } from '@app/rpc';
import { ManualClock, silentLog } from '@app/runtime';
import { LogicClient, LogicUnavailableError, type LogicLink } from './logic.client.js';

const request = (user: string): AdmissionRequest => ({ user, rooms: [], labels: {}, remoteAddress: '127.0.0.1' });
const admitted = (user: string): Admission => ({
  ok: true,
  app: 'default',
  user,
  rooms: [],
  labels: {},
  expiresAtMs: 0,
});

function node(id: string): NodeEntry {
  return {
    kind: 'logic',
    id,
    incarnation: 1,
    host: '127.0.0.1',
    port: 1,
    address: '',
    region: '',
    state: 'serving',
    connections: 0,
    users: 0,
    rooms: 0,
    startedAtMs: 0,
  };
}

async function setUp(...ids: string[]) {
  const clock = new ManualClock();
  const { nodes } = createMemoryRegistry(clock);
  for (const id of ids) await nodes.renew(node(id), 3_000);
  const calls: { id: string; pattern: string; asked: unknown }[] = [];
  const closed: string[] = [];
  const broken = new Set<string>();
  const client = new LogicClient(
    nodes,
    ({ id }) =>
      ({
        call: ({ pattern }: { pattern: string }, asked: unknown) => {
          calls.push({ id, pattern, asked });
          if (broken.has(id)) return Promise.reject(new RpcError('lost', `${id} is gone`));
          return Promise.resolve(
            Array.isArray(asked) ? (asked as AdmissionRequest[]).map(({ user }) => admitted(user!)) : {},
          );
        },
        close: () => closed.push(id),
      }) as unknown as LogicLink,
    clock,
    silentLog,
  );
  return { clock, nodes, client, calls, closed, broken };
}

describe('logic client', () => {
  it('asks for all newcomers of a tick at once', async () => {
    const { client, calls } = await setUp('l1');
    await client.start();
    const answers = await Promise.all(['ann', 'bob'].map((user) => client.admit(request(user))));
    expect(answers).toEqual([admitted('ann'), admitted('bob')]);
    expect(calls).toEqual([{ id: 'l1', pattern: 'session.admit', asked: [request('ann'), request('bob')] }]);
  });

  it('asks another node when one does not answer', async () => {
    const { client, calls, broken } = await setUp('l1', 'l2');
    await client.start();
    broken.add('l1');
    for (let i = 0; i < 4; i += 1) expect(await client.admit(request('ann'))).toEqual(admitted('ann'));
    expect(calls.filter(({ id }) => id === 'l2')).toHaveLength(4);
    expect(client.problem()).toBeUndefined();
  });

  it('says when nobody answers', async () => {
    const { client, broken } = await setUp('l1', 'l2');
    await client.start();
    broken.add('l1').add('l2');
    await expect(client.admit(request('ann'))).rejects.toBeInstanceOf(LogicUnavailableError);
    expect(client.problem()).toContain('is gone');
  });

  it('looks for logic when it knows none', async () => {
    const { client, nodes } = await setUp();
    await client.start();
    expect(client.problem()).toBe('logic: no node is running');
    await expect(client.admit(request('ann'))).rejects.toThrow('no logic is running');
    await nodes.renew(node('l1'), 3_000);
    expect(await client.admit(request('ann'))).toEqual(admitted('ann'));
    expect(client.problem()).toBeUndefined();
  });

  it('closes its connections to nodes that are gone', async () => {
    const { client, nodes, closed, clock } = await setUp('l1');
    await client.start();
    await client.admit(request('ann'));
    await nodes.remove('logic', 'l1', 1);
    clock.advance(1_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(closed).toEqual(['l1']);
  });
});
