import { createHmac } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { startCluster, type Cluster } from '../support/cluster.js';
import { sumOf } from '../support/metrics.js';
import { connect, type WireClient } from '../support/wire-client.js';

const secret = 'a secret of at least thirty-two bytes';
const jwtSecret = 'another secret of thirty-two bytes or more';
const cacheMs = 60_000;

interface Question {
  app: string;
  room: string;
  user?: string;
  device?: string;
}

/** How the application answers a question; what has no line here is allowed. */
const answers: Record<string, (response: ServerResponse) => void> = {
  no: (response) => response.end('{"allow":false}'),
  forbidden: (response) => response.writeHead(403).end(),
  failing: (response) => response.writeHead(500).end('{"allow":true}'),
  elsewhere: (response) => response.writeHead(302, { location: '/yes' }).end(),
  silent: () => {},
  cut: (response) => response.socket?.destroy(),
  text: (response) => response.end('yes'),
};
const refused: Record<string, string> = { no: 'room_forbidden', forbidden: 'room_forbidden' };

describe('the webhook of rooms, with its application', () => {
  let application: Server;
  let cluster: Cluster;
  let questions: Question[];
  let forged: number;
  const clients: WireClient[] = [];
  beforeAll(async () => {
    forged = 0;
    application = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        const [, time, signature] = /^t=(\d+),v1=(\w+)$/.exec(String(request.headers['x-skylark-signature'])) ?? [];
        const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
        if (signature !== expected || Math.abs(Date.now() / 1_000 - Number(time)) > 60) forged += 1;
        const question = JSON.parse(body) as Question;
        questions.push(question);
        const how = answers[question.room.split(':')[1]!] ?? (() => response.end('{"allow":true}'));
        how(response);
      });
    });
    await listen(0);
    const { port } = application.address() as AddressInfo;
    const env = {
      AUTH_MODE: 'jwt',
      JWT_SECRET: jwtSecret,
      ROOM_POLICIES: 'shop:=webhook',
      ROOM_WEBHOOK_URL: `http://127.0.0.1:${port}/may-join`,
      ROOM_WEBHOOK_SECRET: secret,
      ROOM_WEBHOOK_TIMEOUT_MS: '1500',
      ROOM_WEBHOOK_CACHE_MS: String(cacheMs),
    };
    cluster = await startCluster({ gateways: 2, env });
  });
  beforeEach(() => (questions = []));
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.drop())));
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    application.closeAllConnections();
    await new Promise((resolve) => application.close(resolve));
  });

  const listen = (port: number) =>
    new Promise<void>((resolve) => application.listen(port, '127.0.0.1', () => resolve()));
  const enter = async (claims: Record<string, unknown>, rooms: string[] = [], gateway = 0) => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(jwtSecret));
    const headers = { authorization: `Bearer ${token}` };
    const query: Record<string, string> = rooms.length > 0 ? { rooms: rooms.join(',') } : {};
    const client = await connect(cluster.clientUrls[gateway]!, { headers, query });
    clients.push(client);
    return Object.assign(client, { welcomed: await client.welcome() });
  };
  const join = async (client: WireClient, room: string) =>
    (await client.request({ type: 101, data: { room } })).error?.code;
  const outcomes = async (outcome: string) =>
    sumOf((await cluster.scrape()).join('\n'), 'skylark_room_webhook_total', { outcome });

  it('is asked at connect: who, of which app, and where; what it refuses is told, and the rest is joined', async () => {
    const rooms = ['shop:ok', 'free', ...Object.keys(answers).map((how) => `shop:${how}`)];
    const client = await enter({ sub: 'ann', app: 'store', device: 'phone', rooms: ['free'] }, rooms);
    expect(client.welcomed.rooms.sort()).toEqual(['free', 'shop:ok']);
    const told = await Promise.all(Object.keys(answers).map(() => client.next(110)));
    expect(told.map(({ error }) => [error!.message.split(': ')[0], error!.code])).toEqual(
      Object.keys(answers).map((how) => [`shop:${how}`, refused[how] ?? 'auth_unavailable']),
    );
    // Not about the room that the token decides.
    expect(questions.map(({ room }) => room).sort()).toEqual(rooms.filter((room) => room !== 'free').sort());
    for (const { room, ...who } of questions) {
      expect([room, who]).toEqual([room, { app: 'store', user: 'ann', device: 'phone' }]);
    }
  });

  it('is asked at each join by 101, and a refusal harms nothing else', async () => {
    const client = await enter({ sub: 'bob' });
    const asked = Object.keys(answers);
    expect(await Promise.all(asked.map((how) => join(client, `shop:${how}`)))).toEqual(
      asked.map((how) => refused[how] ?? 'auth_unavailable'),
    );
    expect(await join(client, 'shop:ok')).toBeUndefined();
    expect(questions.find(({ room }) => room === 'shop:ok')).toEqual({ app: 'default', room: 'shop:ok', user: 'bob' });
    const { body } = await cluster.get<{ connections: { rooms: string[] }[] }>('/v1/users/bob');
    expect(body.connections[0]!.rooms).toEqual(['shop:ok']);
  });

  it('is not asked by REST, which may always', async () => {
    const { welcomed } = await enter({ sub: 'cat' });
    const connections = [welcomed.connectionId];
    expect((await cluster.post('/v1/rooms/shop:no/join', { connections })).body).toMatchObject({
      members: [{ result: 'joined' }],
    });
    await cluster.post('/v1/rooms/shop:forbidden/join', { users: ['cat'] });
    const again = await enter({ sub: 'cat' }, ['shop:forbidden'], 1);
    expect(again.welcomed.rooms).toEqual(['shop:forbidden']);
    expect(questions.filter(({ room }) => room === 'shop:no')).toEqual([]);
  });

  it('is asked once for the same question while its answer holds, and of each app and user for themselves', async () => {
    const [cached, again] = [await outcomes('cached'), await outcomes('allowed')];
    for (const gateway of [0, 1]) await enter({ sub: 'dan' }, ['shop:once'], gateway);
    expect(questions).toHaveLength(1);
    expect([await outcomes('cached'), await outcomes('allowed')]).toEqual([cached + 1, again + 1]);
    await enter({ sub: 'dan', app: 'store' }, ['shop:once']);
    await enter({ sub: 'eve' }, ['shop:once']);
    expect(questions.map(({ app, user }) => [app, user])).toEqual([
      ['default', 'dan'],
      ['store', 'dan'],
      ['default', 'eve'],
    ]);
  });

  it('lets nobody into its rooms while it is away, keeps who is in, and is asked again when it is back', async () => {
    const inside = await enter({ sub: 'fay' }, ['shop:kept']);
    const { port } = application.address() as AddressInfo;
    application.closeAllConnections();
    await new Promise((resolve) => application.close(resolve));
    const outside = await enter({ sub: 'gus' }, ['shop:kept', 'free']);
    expect(outside.welcomed.rooms).toEqual(['free']);
    expect((await outside.next(110)).error?.code).toBe('auth_unavailable');
    expect(await join(outside, 'shop:kept')).toBe('auth_unavailable');
    await cluster.post('/v1/push/rooms', { rooms: ['shop:kept'], type: 7, text: 'x' });
    await inside.next(7);
    await listen(port);
    expect(await join(outside, 'shop:kept')).toBeUndefined();
    expect(await outcomes('failed')).toBeGreaterThan(0);
  });

  it('was never asked but with its secret, and now', () => {
    expect(forged).toBe(0);
  });
});
