import { bodyCodec, recordCodec } from '@app/protocol/wires';
import { createHash } from 'node:crypto';
import type { Welcome } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { operationsOf, type OpenApi, type Operation } from '../support/openapi.js';
import { until } from '../support/until.js';
import type { WireClient } from '../support/wire-client.js';

const apps = ['alpha', 'before', 'after'] as const;
type App = (typeof apps)[number];

const hashed = (app: string) => `sha256:${createHash('sha256').update(`key-${app}`).digest('hex')} app=${app}`;
const marker = 'ALPHA-SECRET';
/** Looks like one, and is of nobody. */
const noConnection = 'gateway-0~1~0s';

/** What stays the same whoever was answered, written in one way. */
const normal = (text: string): string =>
  text
    .replaceAll(/gateway-\d~\w+~\w+/g, '<connection>')
    .replaceAll(/"[0-9A-HJKMNP-TV-Z]{26}"/g, '"<message>"')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    // Offsets number what one shard of the bus took, whosever it was.
    .replaceAll(/"offset":\d+/g, '"offset":"<offset>"')
    .replaceAll(/("position":"[\w-]+):\d+"/g, '$1:<offset>"')
    .replaceAll(/\b(before|after)\b/g, '<app>');

/**
 * `alpha` has users, rooms, devices, labels, messages, keys and dead letters of just the names that the documentation's
 * examples use. Two strangers ask everything there is about them: one before alpha was there and one after. That alpha is
 * invisible means that both hear the same.
 */
describe.each(
  process.env.REDIS_URL && process.env.KAFKA_BROKERS ? (['memory', 'servers'] as const) : (['memory'] as const),
)('two apps, on %s', (on) => {
  let cluster: Cluster;
  let operations: Operation[];
  let phones: WireClient[];
  let ids: string[];
  beforeAll(async () => {
    cluster = await startCluster({ on, gateways: 2, env: { API_KEYS: apps.map(hashed).join(',') } });
    operations = operationsOf((await cluster.get<OpenApi>('/docs-json')).body).sort((a, b) => rank(a) - rank(b));
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const ask = async (app: App, method: string, url: string, body?: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(cluster.restUrls[0]! + url, {
      method,
      headers: {
        'x-api-key': `key-${app}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };

  /** Every request that the documentation shows, about the connection `id`, and each as a dry run. */
  function* requests(id: string): Generator<{ name: string; method: string; url: string; body?: string }> {
    for (const operation of operations) {
      const params: Record<string, string> = operation.pathParameters.some(({ name }) => name === 'id') ? { id } : {};
      const channels = operation.path.includes('{channel}') ? ['all', 'user:u1', 'room:live:1000'] : [undefined];
      for (const channel of channels) {
        const url = operation.url({ ...params, ...(channel !== undefined && { channel }) });
        const { method } = operation;
        for (const [i, body] of operation.bodies.entries()) {
          const name = `${operation.id} ${channel ?? ''}${i}`;
          if (body === undefined) yield { name, method, url };
          else {
            const own = JSON.stringify(body).replaceAll('g1~1~2s', id);
            yield { name, method, url, body: own };
            if ('text' in (body as object) || 'data' in (body as object))
              yield { name: `${name}, dry`, method, url, body: JSON.stringify({ ...JSON.parse(own), dryRun: true }) };
          }
        }
      }
    }
  }

  const askEverything = async (app: App, id: string): Promise<Map<string, string>> => {
    const answers = new Map<string, string>();
    for (const { name, method, url, body } of requests(id)) {
      const { status, text } = await ask(app, method, url, body);
      answers.set(name, `${status} ${normal(name.startsWith('listNodes') ? byId(text) : text)}`);
    }
    return answers;
  };

  const pushAs = (app: App, path: string, body: object, headers: Record<string, string> = {}) =>
    ask(app, 'POST', `/v1/push/${path}`, JSON.stringify(body), headers);

  /** Everything that a client may ask, about what is alpha's; answers all that the client was sent. */
  async function beClient(app: App, since: string): Promise<string[]> {
    const client = await cluster.connect('u1', {
      rooms: ['live:1000'],
      query: { app, device: 'phone', labels: 'platform:ios', ...(since !== '' && { since }) },
    });
    const frames = [
      { type: 101, data: { room: 'live:1001' } },
      { type: 101, data: { room: 'alpha/room:live:1000' } },
      { type: 102, data: { room: 'live:1001' } },
      { type: 103, data: { to: { user: 'u1' }, type: 3, data: 'x' } },
      { type: 103, data: { to: { room: 'live:1000' }, type: 3, data: 'x' } },
      { type: 104, data: { channel: 'user', position: '0:1' } },
      { type: 105, data: { set: { tier: 'gold' } } },
      { type: 106, data: { subject: 'x', data: 1 } },
      { type: 107, data: { token: 'x' } },
      { type: 108, data: { room: 'live:1001', by: 'api' } },
      { type: 120, data: { room: 'live:1000', user: 'u1', connectionId: ids?.[0] ?? noConnection } },
      { type: 7, data: { room: 'live:1000' } },
    ];
    for (const [i, frame] of frames.entries()) client.socket.send(JSON.stringify({ ...frame, ref: `r${i}` }));
    await client.roundTrip();
    await pushAs(app, 'users', { users: ['u1'], type: 77, text: 'own' });
    await client.next(77);
    const heard = client.packets.map((packet) => normal(JSON.stringify(packet)));
    await client.drop();
    return heard;
  }

  let before: { answers: Map<string, string>; heard: string[] };

  it('is asked everything by a stranger while nobody is there', async () => {
    before = { answers: await askEverything('before', noConnection), heard: await beClient('before', '') };
    expect(before.answers.size).toBeGreaterThan(25);
  });

  it('has an app with all that there can be', async () => {
    phones = [];
    for (const [gateway, device] of ['phone', 'watch'].entries()) {
      const query = { app: 'alpha', device, labels: `platform:ios,secret:${marker}` };
      phones.push(await cluster.connect('u1', { gateway, rooms: ['live:1000', 'live:1001', marker], query }));
    }
    ids = phones.map(({ packets }) => (packets[0]!.data as Welcome).connectionId);
    await ask('alpha', 'POST', '/v1/rooms/live:1000/join', JSON.stringify({ users: ['u1', 'u2', marker] }));
    for (const [path, target] of [
      ['all', {}],
      ['users', { users: ['u1'] }],
      ['rooms', { rooms: ['live:1000', 'live:1001'] }],
    ] as const) {
      const { status } = await pushAs('alpha', path, { ...target, type: 5, text: marker }, { 'idempotency-key': path });
      expect(status).toBe(202);
    }
    const dead = {
      source: { epoch: 'e', shard: 0, offset: 3 },
      reason: 'failing' as const,
      error: marker,
      diedAtMs: Date.now(),
    };
    await cluster.shared?.deadLetters.put({ ...dead, job: 'j', key: Buffer.from(marker), value: recordOf('alpha') });
    await cluster.shared?.deadLetters.put({
      ...dead,
      reason: 'undecodable',
      job: 'j',
      key: Buffer.from(marker),
      value: Buffer.from('x'),
    });
    // Four messages for each: to all, to u1, and to both rooms.
    for (const phone of phones) {
      await until(
        async () => phone.packets.filter(({ type }) => type === 5).length === 4,
        'what alpha pushed to itself',
      );
    }
    await until(
      async () => (await ask('alpha', 'GET', '/v1/rooms/live:1000')).text.includes('"members":2'),
      'the room to be counted',
    );
  });

  it('is invisible to every route', async () => {
    const answers = await askEverything('after', ids[0]!);
    const different = [...answers].filter(([name, answer]) => before.answers.get(name) !== answer);
    expect(different.map(([name, answer]) => ({ name, answer, before: before.answers.get(name) }))).toEqual([]);
    expect([...answers.values()].join('\n')).not.toContain(marker);
  });

  it('is invisible to every frame, also to one that claims to have seen its messages', async () => {
    const { epoch } = (phones[0]!.packets[0]!.data as Welcome).channels.user!;
    let alike: number[] = [];
    for (const since of ['', ...['user', 'all', 'room:live:1000'].map((channel) => `${channel}@${epoch}:0`)]) {
      const heard = await beClient('after', since);
      expect(heard.join('\n')).not.toContain(marker);
      if (since === '') alike = heard.map(typesOf);
    }
    expect(alike).toEqual(before.heard.map(typesOf));
  });

  it('shares no cursor and no Idempotency-Key', async () => {
    const lists = operations.filter(({ queryParameters }) => queryParameters.some(({ name }) => name === 'cursor'));
    let tried = 0;
    for (const list of lists) {
      const { text } = await ask('alpha', list.method, list.url({}, { limit: '1' }));
      const { cursor } = JSON.parse(text) as { cursor?: string };
      if (cursor === undefined) continue;
      tried += 1;
      expect((await ask('alpha', list.method, list.url({}, { limit: '1', cursor }))).status).toBe(200);
      const { status, text: refusal } = await ask('after', list.method, list.url({}, { limit: '1', cursor }));
      expect([list.id, status, refusal]).toEqual([list.id, 422, expect.stringContaining('bad_cursor')]);
    }
    expect(tried).toBeGreaterThanOrEqual(3);
    const other = await fetch(`${cluster.restUrls[0]}/v1/push/all`, {
      method: 'POST',
      headers: { 'x-api-key': 'key-after', 'content-type': 'application/json', 'idempotency-key': 'all' },
      body: '{"text":"another body"}',
    });
    expect([other.status, other.headers.get('idempotent-replayed')]).toEqual([202, null]);
  });

  it('cannot be named by another app', async () => {
    for (const { method, url, body } of requests(ids[0]!)) {
      const { status } = await ask('after', method, url, body, { 'x-app-id': 'alpha' });
      expect([url, status]).toEqual([url, 403]);
    }
  });

  it('was touched by none of all that', async () => {
    await pushAs('alpha', 'all', { type: 99, text: 'last' });
    for (const [i, phone] of phones.entries()) {
      await phone.next(99);
      const types = phone.packets.map(({ type }) => type).filter((type) => type !== 108);
      expect(types).toEqual([100, 5, 5, 5, 5, 99]);
      const { text } = await ask('alpha', 'GET', '/v1/users/u1');
      const seen = (
        JSON.parse(text) as { connections: { connection: string; rooms: string[]; labels: object }[] }
      ).connections.find(({ connection }) => connection === ids[i]);
      expect(seen).toMatchObject({
        rooms: [marker, 'live:1000', 'live:1001'],
        labels: { platform: 'ios', secret: marker },
      });
    }
  });

  it('is there for its own app: the same requests are answered otherwise', async () => {
    const answers = await askEverything('alpha', ids[0]!);
    const same = [...answers].filter(
      ([name, answer]) => before.answers.get(name) === answer.replaceAll('alpha', '<app>'),
    );
    // A push is answered alike whoever is there, a revocation without tokens, and users who leave what lasts; the letter was sent again before.
    expect(same.map(([name]) => name).filter((name) => !/^push|^revoke|, dry$/.test(name))).toEqual([
      ...(on === 'memory' ? [] : ['listDeadLetters 0', 'replayDeadLetters 0']),
      'replayDeadLetters 1',
      'leaveRoom 1',
    ]);
    await Promise.all(phones.map(({ closed }) => closed));
  });
});

/** Gateways come by their whole load, whoever's it is. */
function byId(text: string): string {
  const answer = JSON.parse(text) as { nodes?: { id: string }[] };
  answer.nodes?.sort((a, b) => a.id.localeCompare(b.id));
  return JSON.stringify(answer);
}

/** First who looks, last who kicks: what is asked of the app itself finds everybody. */
const rank = ({ id, scope }: Operation): number =>
  id === 'kickUser' ? 9 : ['read', 'push', 'manage'].indexOf(scope!) + (/^(kick|leave)/.test(id) ? 4 : 0);

const typesOf = (packet: string): number => (JSON.parse(packet) as { type: number }).type;

function recordOf(app: string): Buffer {
  const rest = { traceparent: '', excludeUsers: [], excludeConnections: [], match: '', variants: [] };
  const payload = Buffer.from(JSON.stringify(marker));
  const body = bodyCodec.encode({ id: 'M', type: 3, encoding: 0, payload, acceptedAtMs: 1, expiresAtMs: 0, ...rest });
  const targets = [{ channel: `room:${marker}`, devices: [] }];
  return recordCodec.encode({ app, id: 'M', part: 1, retain: false, expiresAtMs: 1, speed: 0, body, targets });
}
