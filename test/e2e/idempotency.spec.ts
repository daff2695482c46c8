import { numbers, type Answer } from '../support/clients.js';
import { startCluster, type Cluster } from '../support/cluster.js';

const hasServers = Boolean(process.env.REDIS_URL && process.env.KAFKA_BROKERS);
const key = (value: string, app?: string) => ({ 'idempotency-key': value, ...(app && { 'x-app-id': app }) });

/** What the one who waits has got once a later push has come: repeats of an earlier one would be there too. */
async function receivedBy(cluster: Cluster, channels: string[]) {
  const ann = await cluster.connect('ann', { rooms: ['r'] });
  return {
    ann,
    after: async () => {
      await cluster.push('users', { users: ['ann'], type: 9, data: 'end' });
      await cluster.push('rooms', { rooms: ['r'], type: 9, data: 'end' });
      for (const _ of channels) await ann.next(9);
      return channels.map((channel) => ann.received(channel).filter(({ type }) => type !== 9));
    },
  };
}

describe.each(hasServers ? (['memory', 'servers'] as const) : (['memory'] as const))('keys, with %s', (on) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ on, logics: 2 });
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('make twenty pushes at once over two logic nodes one message with one answer', async () => {
    const { after } = await receivedBy(cluster, ['user', 'room:r']);
    const racing = (path: string, body: object, name: string) =>
      Promise.all(numbers(0, 19).map((n) => cluster.post(path, body, { logic: n % 2, headers: key(name) })));
    const [toUser, toRoom] = await Promise.all([
      racing('/v1/push/users', { users: ['ann'], type: 3, data: 'once', ttlMs: 60_000 }, 'race-1'),
      // Not kept: nothing but the ids that job remembers can tell repeats.
      racing('/v1/push/rooms', { rooms: ['r'], type: 3, data: 'once', retain: false }, 'race-2'),
    ]);
    const [inUser, inRoom] = await after();
    for (const [answers, received] of [
      [toUser, inUser!],
      [toRoom, inRoom!],
    ] as const) {
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(received.map(({ id, data }) => [id, data])).toEqual([[answers[0]!.body.id, 'once']]);
    }
  });

  it('answer a repeat at another node as at first, refuse another push, and are of one app', async () => {
    const push = (body: object, logic: number, app?: string): Promise<Answer> =>
      cluster.post('/v1/push/users', { users: ['ann'], type: 3, ...body }, { logic, headers: key('"k"', app) });
    const first = await push({ data: { a: 1, b: 2 } }, 0);
    const again = await push({ data: { b: 2, a: 1 } }, 1);
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([202, null]);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body));
    expect(await push({ data: { a: 1, b: 3 } }, 1)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_conflict' },
    });
    const room = { rooms: ['r'], type: 3, data: { a: 1, b: 2 } };
    const other = await cluster.post('/v1/push/rooms', room, { headers: key('k') });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_conflict' } });
    const elsewhere = await push({ data: { a: 1, b: 2 } }, 1, 'cinema');
    expect(elsewhere).toMatchObject({ status: 202 });
    expect(elsewhere.body.id).not.toBe(first.body.id);
  });

  it('work push by push in a batch, and on the short routes', async () => {
    const { after } = await receivedBy(cluster, ['user', 'room:r']);
    const item = (idempotencyKey: string) => ({
      target: 'users',
      users: ['ann'],
      type: 3,
      data: 'batch',
      idempotencyKey,
    });
    const batch = { pushes: [item('b1'), item('b1'), item('b2')] };
    const first = await cluster.post<{ results: object[] }>('/v1/push/batch', batch);
    const again = await cluster.post<{ results: object[] }>('/v1/push/batch', batch, { logic: 1 });
    expect(first.body.results[1]).toEqual({ ...first.body.results[0], replayed: true });
    expect(first.body.results[2]).not.toHaveProperty('replayed');
    expect(again.body.results).toEqual(first.body.results.map((result) => ({ ...result, replayed: true })));

    const short = (logic: number, val: string) =>
      fetch(`${cluster.restUrls[logic]}/push/room?id=r&tag=3&val=${val}`, { headers: key('short') });
    const [one, two, three] = [await short(0, 'x'), await short(1, 'x'), await short(1, 'y')];
    expect([one.status, two.status, three.status]).toEqual([200, 200, 422]);
    expect([one.headers.get('idempotent-replayed'), two.headers.get('idempotent-replayed')]).toEqual([null, 'true']);
    expect(await two.text()).toBe(await one.text());

    const [inUser, inRoom] = await after();
    expect(inUser!.filter(({ data }) => data === 'batch')).toHaveLength(2);
    expect(inRoom!.filter(({ data }) => data === 'x')).toHaveLength(1);
  });
});
