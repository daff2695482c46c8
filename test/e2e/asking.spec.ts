import type { Welcome } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { until } from '../support/until.js';
import type { WireClient } from '../support/wire-client.js';

const servers = process.env.REDIS_URL && process.env.KAFKA_BROKERS;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** Percent-encodes what stands in a path. */
const path = (strings: TemplateStringsArray, ...names: string[]): string =>
  strings.reduce((before, part, i) => before + encodeURIComponent(names[i - 1]!) + part);

describe.each([
  ['in memory', 'memory' as const, true],
  ['on Redis and Kafka', 'servers' as const, Boolean(servers)],
])('asking and doing, %s', (_, on, isThere) => {
  const describeHere = isThere ? describe : describe.skip;

  describeHere('by REST', () => {
    let cluster: Cluster;
    beforeAll(async () => {
      const env = { REGION_NETWORKS: 'eu=10.0.0.0/8+2001:db8::/32,us=192.0.2.0/24' };
      cluster = await startCluster({ on, gateways: 2, logics: 2, env });
    });
    afterAll(() => cluster[Symbol.asyncDispose]());

    const ask = async (method: string, where: string, body?: unknown, headers = {}, logic = 0): Promise<Answer> => {
      const answer = await fetch(cluster.restUrls[logic]! + where, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const get = (where: string, headers = {}) => ask('GET', where, undefined, headers);
    const idOf = (client: WireClient) => (client.packets[0]!.data as Welcome).connectionId;

    /** All items of a list, page by page, each page asked of the other logic. */
    const list = async (where: string, field: string, limit: number): Promise<unknown[]> => {
      const items: unknown[] = [];
      let cursor: string | undefined;
      for (let page = 0; page === 0 || cursor !== undefined; page += 1) {
        const query = `limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`;
        const url = `${where}${where.includes('?') ? '&' : '?'}${query}`;
        const { status, body } = await ask('GET', url, undefined, {}, page % 2);
        expect(status).toBe(200);
        const found = body[field] as unknown[];
        expect(found.length).toBeLessThanOrEqual(limit);
        items.push(...found);
        cursor = body.cursor as string | undefined;
      }
      return items;
    };
    const membersOf = async (room: string, limit = 3) =>
      (await list(path`/v1/rooms/${room}/members`, 'members', limit)) as Record<string, string>[];

    it('lists who is in a room, over all gateways, each once', async () => {
      const people = [];
      for (let i = 0; i < 8; i += 1) {
        const query: Record<string, string> = i === 0 ? { device: 'phone' } : {};
        people.push(
          await cluster.connect(i === 7 ? undefined : `m${i}`, {
            gateway: i % 2,
            rooms: ['зал 1'.replace(' ', ':')],
            query,
          }),
        );
      }
      const seen = await membersOf('зал:1');
      expect(new Set(seen.map(({ connection }) => connection))).toEqual(new Set(people.map(idOf)));
      // Gateway by gateway, at each in the order in which they came.
      expect(seen.map(({ user }) => user)).toEqual(['m0', 'm2', 'm4', 'm6', 'm1', 'm3', 'm5', undefined]);
      expect(seen[0]).toEqual({
        connection: idOf(people[0]!),
        user: 'm0',
        device: 'phone',
        node: 'gateway-0',
        connectedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*:\d\d\.000Z$/),
      });
      expect(Math.abs(Date.parse(seen[0]!.connectedAt!) - Date.now())).toBeLessThan(30_000);
      for (const limit of [1, 4, 8, 1_000]) expect(await membersOf('зал:1', limit)).toEqual(seen);
    });

    it('counts rooms, and finds them by name and by size', async () => {
      const people = [];
      for (let i = 0; i < 6; i += 1) {
        const rooms = ['big', ...(i < 3 ? ['middle'] : []), ...(i === 0 ? ['small', '__proto__'] : [])];
        people.push(await cluster.connect(undefined, { gateway: i % 2, rooms: rooms.map((room) => `count:${room}`) }));
      }
      const expected = [
        { room: 'count:__proto__', members: 1 },
        { room: 'count:big', members: 6 },
        { room: 'count:middle', members: 3 },
        { room: 'count:small', members: 1 },
      ];
      const counted = async () => (await get('/v1/rooms?prefix=count:')).body.rooms;
      await until(async () => JSON.stringify(await counted()) === JSON.stringify(expected), 'rooms to be counted');
      expect(await list('/v1/rooms?prefix=count:', 'rooms', 1)).toEqual(expected);
      expect(await get('/v1/rooms/count:big')).toEqual({ status: 200, body: { room: 'count:big', members: 6 } });
      const top = (await get('/v1/rooms?sort=members&limit=1000')).body as {
        rooms: { room: string; members: number }[];
      };
      expect(top.rooms.map(({ members }) => members)).toEqual(
        top.rooms.map(({ members }) => members).sort((a, b) => b - a),
      );
      expect(top.rooms).toEqual(expect.arrayContaining(expected));
      expect((await get('/v1/rooms?sort=members&limit=1')).body.rooms).toHaveLength(1);

      await people[5]!.drop();
      await people[0]!.drop();
      await until(
        async () =>
          JSON.stringify(await counted()) ===
          JSON.stringify([
            { room: 'count:big', members: 4 },
            { room: 'count:middle', members: 2 },
          ]),
        'rooms to be counted anew',
      );
    });

    it('lists users who are online, and says how often each', async () => {
      await cluster.connect('o:ann', { query: { device: 'phone' } });
      await cluster.connect('o:ann', { gateway: 1 });
      await cluster.connect('__proto__', { gateway: 1 });
      const gone = await cluster.connect('o:gone', { gateway: 1 });
      const users = await list('/v1/users', 'users', 2);
      expect(users).toEqual(expect.arrayContaining(['o:ann', 'o:gone', '__proto__']));
      expect(new Set(users).size).toBe(users.length);
      expect(users).toEqual((users as string[]).toSorted());
      const online = async (...names: string[]) =>
        JSON.stringify((await ask('POST', '/v1/users/online', { users: names })).body);
      expect(await online('o:ann', 'nobody', '__proto__', 'o:ann')).toBe(
        '{"online":{"o:ann":2,"nobody":0,"__proto__":1}}',
      );
      await gone.drop();
      await until(async () => (await online('o:gone')) === '{"online":{"o:gone":0}}', 'a user to be gone');
      await until(async () => !(await list('/v1/users', 'users', 100)).includes('o:gone'), 'a user to be unlisted');
    });

    it("tells a user's connections, with what each says of itself", async () => {
      const labels = { labels: 'platform:ios,beta' };
      const phone = await cluster.connect('u:ann', { query: { device: 'phone', ...labels }, rooms: ['u:b', 'u:a'] });
      const laptop = await cluster.connect('u:ann', { gateway: 1 });
      const { body } = await get(path`/v1/users/${'u:ann'}`);
      const connectedAt = expect.any(String) as string;
      expect(body).toEqual({
        user: 'u:ann',
        connections: [
          {
            connection: idOf(phone),
            user: 'u:ann',
            device: 'phone',
            node: 'gateway-0',
            connectedAt,
            labels: { platform: 'ios', beta: '' },
            rooms: ['u:a', 'u:b'],
          },
          { connection: idOf(laptop), user: 'u:ann', node: 'gateway-1', connectedAt, labels: {}, rooms: [] },
        ],
      });
      expect(await list(path`/v1/users/${'u:ann'}`, 'connections', 1)).toEqual(body.connections);
    });

    it('changes labels, as pushes by labels see at once', async () => {
      const client = await cluster.connect('l:ann', { gateway: 1, query: { labels: 'trial' } });
      const where = path`/v1/connections/${idOf(client)}/labels`;
      const change = { set: { platform: 'ios', __proto__x: '' }, unset: ['trial', 'never'] };
      expect(await ask('PATCH', where, change)).toEqual({
        status: 200,
        body: { connection: idOf(client), result: 'changed', labels: { platform: 'ios', __proto__x: '' } },
      });
      const text = await (
        await fetch(cluster.restUrls[0] + where, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: '{"set":{"__proto__":"x","constructor":"y"}}',
        })
      ).text();
      expect(text).toContain('"__proto__":"x"');
      const many = Object.fromEntries(Array.from({ length: 17 }, (_none, i) => [`l${i}`, '']));
      expect(await ask('PATCH', where, { set: many })).toMatchObject({
        status: 422,
        body: { code: 'too_many_targets' },
      });
    });

    it('kicks a connection with the reason, and says when it is gone', async () => {
      const client = await cluster.connect('k:ann', { gateway: 1 });
      const id = idOf(client);
      const where = `${path`/v1/connections/${id}`}?reason=${encodeURIComponent('zu spät 🦉')}`;
      expect(await ask('DELETE', where, undefined, { 'x-app-id': 'bank' })).toMatchObject({ body: { kicked: 0 } });
      expect(await ask('DELETE', where)).toEqual({
        status: 200,
        body: { kicked: 1, connections: [{ connection: id, result: 'kicked' }] },
      });
      expect(await client.closed).toEqual({ code: 4403, reason: 'zu spät 🦉' });
      await until(
        async () =>
          ((await ask('DELETE', where)).body.connections as object[]).some(
            (one) => 'result' in one && one.result === 'gone',
          ),
        'gone',
      );
    });

    it('kicks all connections of a user', async () => {
      const clients = [
        await cluster.connect('k:bob'),
        await cluster.connect('k:bob', { gateway: 1 }),
        await cluster.connect('k:bob', { gateway: 1 }),
      ];
      const other = await cluster.connect('k:other');
      const { body } = await ask('DELETE', path`/v1/users/${'k:bob'}/connections`);
      expect(body.kicked).toBe(3);
      for (const client of clients) expect(await client.closed).toEqual({ code: 4403, reason: 'kicked' });
      await until(
        async () => (await ask('DELETE', path`/v1/users/${'k:bob'}/connections`)).body.kicked === 0,
        'nobody left',
      );
      expect((await get(path`/v1/users/${'k:other'}`)).body.connections).toMatchObject([{ connection: idOf(other) }]);
    });

    it('tells what a channel has kept, and only what came after a position', async () => {
      for (const text of ['one', 'two', 'three']) await cluster.push('rooms', { rooms: ['h:r'], type: 7, text });
      await cluster.push('rooms', { rooms: ['h:r'], type: 8, data: { a: [1, null] }, ttlMs: 60_000 });
      await cluster.push('rooms', { rooms: ['h:r'], base64: 'AAEC' });
      const where = path`/v1/channels/${'room:h:r'}/history`;
      let all = (await get(where)).body;
      await until(async () => ((all = (await get(where)).body).messages as object[]).length === 5, 'five messages');
      expect(all).toMatchObject({ channel: 'room:h:r', recovered: true });
      const messages = all.messages as Record<string, unknown>[];
      expect(messages.map(({ type, text, data, base64 }) => [type, text ?? data ?? base64])).toEqual([
        [7, 'one'],
        [7, 'two'],
        [7, 'three'],
        [8, { a: [1, null] }],
        [0, 'AAEC'],
      ]);
      expect(messages[0]).toEqual({
        id: expect.stringMatching(/^[0-9A-Z]{26}$/),
        type: 7,
        text: 'one',
        offset: expect.any(Number),
        acceptedAt: expect.any(String),
      });
      expect(Date.parse(messages[3]!.expiresAt as string) - Date.parse(messages[3]!.acceptedAt as string)).toBe(60_000);
      const after = await get(`${where}?since=${String(all.epoch)}:${String(messages[2]!.offset)}`);
      expect(after.body).toMatchObject({ recovered: true, messages: messages.slice(3) });
      expect((await get(`${where}?limit=2`)).body).toMatchObject({ recovered: false, messages: messages.slice(3) });
      expect((await get(`${where}?since=${String(all.position)}`)).body).toMatchObject({
        recovered: true,
        messages: [],
      });
      expect((await get(`${where}?since=another:3`)).body).toMatchObject({ recovered: false, messages });
      expect((await get(where, { 'x-app-id': 'bank' })).body).toMatchObject({ messages: [] });
    });

    it('names gateways by region, by address and by load', async () => {
      for (const query of [
        '',
        '?region=eu',
        '?ip=10.1.2.3',
        '?ip=2001:db8::1',
        '?ip=::ffff:10.0.0.1',
        '?ip=203.0.113.7',
      ]) {
        const { status, body } = await get(`/v1/nodes${query}`);
        expect(status).toBe(200);
        expect(body.nodes).toHaveLength(2);
        expect(body.nodes).toEqual(expect.arrayContaining([expect.objectContaining({ full: false, retryAfterMs: 0 })]));
      }
    });

    it('is asked about nobody without an error', async () => {
      const gone = 'gateway-0~zzz~1';
      const answers: [string, string, unknown, Record<string, unknown>][] = [
        ['GET', '/v1/rooms/nobody-here', undefined, { room: 'nobody-here', members: 0 }],
        ['GET', '/v1/rooms/nobody-here/members', undefined, { room: 'nobody-here', members: [] }],
        ['GET', '/v1/rooms?prefix=nobody-here', undefined, { rooms: [] }],
        ['GET', '/v1/users/nobody-here', undefined, { user: 'nobody-here', connections: [] }],
        ['POST', '/v1/users/online', { users: ['nobody-here'] }, { online: { 'nobody-here': 0 } }],
        ['DELETE', '/v1/users/nobody-here/connections', undefined, { kicked: 0, connections: [] }],
        ['GET', '/v1/channels/user:nobody-here/history', undefined, { channel: 'user:nobody-here', messages: [] }],
        ['GET', '/v1/channels/all/history?limit=1', undefined, { channel: 'all' }],
      ];
      for (const [method, where, body, expected] of answers) {
        expect(await ask(method, where, body)).toMatchObject({ status: 200, body: expected });
      }
      for (const id of [gone, 'gateway-9~1~1', 'nonsense', '~', '__proto__', '🦉', 'a/b', 'x'.repeat(500)]) {
        expect(await ask('DELETE', path`/v1/connections/${id}`)).toEqual({
          status: 200,
          body: { kicked: 0, connections: [{ connection: id, result: 'gone' }] },
        });
        expect(await ask('PATCH', path`/v1/connections/${id}/labels`, { unset: ['a'] })).toEqual({
          status: 200,
          body: { connection: id, result: 'gone' },
        });
      }
      expect((await get('/v1/rooms', { 'x-app-id': 'nobodys' })).body).toEqual({ rooms: [] });
      expect((await get('/v1/users', { 'x-app-id': 'nobodys' })).body).toEqual({ users: [] });
    });

    const tooMany = Array.from({ length: 1_001 }, (_none, i) => `u${i}`);
    const labels = '/v1/connections/g~1~1/labels';
    it.each<[string, string, unknown, number, string]>([
      ['GET', '/v1/rooms?limit=0', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=1001', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=-1', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=1.5', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=1e2', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=%D9%A1', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=99999999999999999999', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit=1&limit=2', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?limit[a]=1', undefined, 422, 'unknown_field'],
      ['GET', '/v1/rooms?colour=red', undefined, 422, 'unknown_field'],
      ['GET', '/v1/rooms?__proto__=1', undefined, 422, 'unknown_field'],
      ['GET', '/v1/rooms?constructor=1', undefined, 422, 'unknown_field'],
      ['GET', '/v1/rooms?sort=size', undefined, 400, 'invalid_query'],
      ['GET', '/v1/rooms?sort=members&prefix=a', undefined, 422, 'unsupported_option'],
      ['GET', '/v1/rooms?sort=members&cursor=a', undefined, 422, 'unsupported_option'],
      ['GET', '/v1/rooms?prefix=a%20b', undefined, 422, 'bad_name'],
      ['GET', `/v1/rooms?prefix=${'a'.repeat(129)}`, undefined, 422, 'bad_name'],
      ['GET', '/v1/rooms?cursor=AAAA', undefined, 422, 'bad_cursor'],
      ['GET', '/v1/rooms?cursor=', undefined, 422, 'bad_cursor'],
      ['GET', `/v1/rooms?cursor=${'A'.repeat(5_000)}`, undefined, 422, 'bad_cursor'],
      ['GET', '/v1/users?cursor=%00', undefined, 422, 'bad_cursor'],
      ['GET', '/v1/rooms/a%20b', undefined, 422, 'bad_name'],
      ['GET', `/v1/rooms/${'a'.repeat(129)}/members`, undefined, 422, 'bad_name'],
      ['GET', '/v1/users/%F0%9F%A6%89', undefined, 422, 'bad_name'],
      ['GET', '/v1/users/ann?limit=101', undefined, 400, 'invalid_query'],
      ['GET', '/v1/channels/nothing/history', undefined, 422, 'bad_name'],
      ['GET', '/v1/channels/room:/history', undefined, 422, 'bad_name'],
      ['GET', '/v1/channels/room:a%20b/history', undefined, 422, 'bad_name'],
      ['GET', '/v1/channels/connection:g~1~1/history', undefined, 422, 'unsupported_option'],
      ['GET', '/v1/channels/all/history?since=17', undefined, 400, 'invalid_query'],
      ['GET', '/v1/channels/all/history?since=e:-2', undefined, 400, 'invalid_query'],
      ['GET', '/v1/channels/all/history?limit=0', undefined, 400, 'invalid_query'],
      ['GET', '/v1/nodes?ip=somewhere', undefined, 400, 'invalid_query'],
      ['GET', '/v1/nodes?region=a&region=b', undefined, 400, 'invalid_query'],
      ['DELETE', `/v1/connections/x?reason=${'a'.repeat(124)}`, undefined, 400, 'invalid_query'],
      ['DELETE', `/v1/users/ann/connections?reason=${'%C3%A4'.repeat(62)}`, undefined, 400, 'invalid_query'],
      ['DELETE', '/v1/users/a%20b/connections', undefined, 422, 'bad_name'],
      ['POST', '/v1/users/online', { users: [] }, 400, 'invalid_body'],
      ['POST', '/v1/users/online', {}, 400, 'invalid_body'],
      ['POST', '/v1/users/online', { users: 'ann' }, 400, 'invalid_body'],
      ['POST', '/v1/users/online', { users: [1] }, 400, 'invalid_body'],
      ['POST', '/v1/users/online', { users: ['a b'] }, 422, 'bad_name'],
      ['POST', '/v1/users/online', { users: tooMany }, 422, 'too_many_targets'],
      ['POST', '/v1/users/online', { users: ['a'], colour: 1 }, 422, 'unknown_field'],
      ['POST', '/v1/users/online', '{"users":["a"],"__proto__":{}}', 422, 'unknown_field'],
      ['PATCH', labels, {}, 400, 'invalid_body'],
      ['PATCH', labels, { set: [] }, 400, 'invalid_body'],
      ['PATCH', labels, { set: null }, 400, 'invalid_body'],
      ['PATCH', labels, { set: { a: 1 } }, 400, 'invalid_body'],
      ['PATCH', labels, { set: { a: { b: '' } } }, 400, 'invalid_body'],
      ['PATCH', labels, { set: { 'a:b': '' } }, 422, 'bad_name'],
      ['PATCH', labels, { set: { a: 'b c' } }, 422, 'bad_name'],
      ['PATCH', labels, { unset: [] }, 400, 'invalid_body'],
      ['PATCH', labels, { unset: ['a b'] }, 422, 'bad_name'],
      ['PATCH', labels, { unset: ['a:b'] }, 422, 'bad_name'],
      ['PATCH', labels, { set: Object.fromEntries(tooMany.map((name) => [name, ''])) }, 422, 'too_many_targets'],
    ])('refuses %s %s', async (method, where, body, status, code) => {
      const answer = await ask(method, where, body);
      expect(answer).toMatchObject({ status, body: { status, code, detail: expect.any(String) as string } });
    });

    it('takes a cursor back only where it came from', async () => {
      for (let i = 0; i < 3; i += 1) await cluster.connect(`c:u${i}`, { rooms: ['c:a', 'c:b', `c:x${i}`] });
      const cursorOf = async (where: string, headers = {}) => (await get(where, headers)).body.cursor as string;
      const lists = [
        '/v1/rooms?prefix=c:&',
        '/v1/rooms?prefix=&',
        '/v1/rooms/c:a/members?',
        '/v1/rooms/c:b/members?',
        '/v1/users?',
      ];
      const cursors = await Promise.all(lists.map((where) => cursorOf(`${where}limit=1`)));
      expect(cursors).toEqual(lists.map(() => expect.stringMatching(/^[\w-]+$/) as string));
      for (const [i, where] of lists.entries()) {
        for (const [j, cursor] of cursors.entries()) {
          const { status, body } = await get(`${where}cursor=${cursor}`);
          expect([where, j, status, body.code]).toEqual(
            i === j ? [where, j, 200, undefined] : [where, j, 422, 'bad_cursor'],
          );
        }
        const elsewhere = await get(`${where}cursor=${cursors[i]}`, { 'x-app-id': 'bank' });
        expect(elsewhere.body.code).toBe('bad_cursor');
      }
    });
  });

  describeHere('with SHOW_REMOTE_ADDRESS=1', () => {
    it('tells where connections come from', async () => {
      await using cluster = await startCluster({ on, env: { SHOW_REMOTE_ADDRESS: '1', TRUST_PROXY: '127.0.0.1' } });
      await cluster.connect('ann', { rooms: ['r'], headers: { 'x-forwarded-for': '203.0.113.7' } });
      const remoteAddress = '203.0.113.7';
      expect((await cluster.get('/v1/rooms/r/members')).body.members).toMatchObject([{ remoteAddress }]);
      expect((await cluster.get('/v1/users/ann')).body.connections).toMatchObject([{ remoteAddress }]);
    });
  });

  describeHere('when a gateway goes', () => {
    it('counts and lists those that are left', async () => {
      await using cluster = await startCluster({ on, gateways: 2 });
      await cluster.connect('ann', { rooms: ['r'] });
      const ben = await cluster.connect('ben', { gateway: 1, rooms: ['r', 'only-there'] });
      const id = idOfClient(ben);
      const first = await cluster.get('/v1/rooms/r/members?limit=1');
      await cluster.gateways[1]!.close();
      const rooms = async () => (await cluster.get('/v1/rooms')).body.rooms;
      await until(async () => JSON.stringify(await rooms()) === '[{"room":"r","members":1}]', 'rooms to be counted');
      expect((await cluster.get('/v1/users')).body).toEqual({ users: ['ann'] });
      expect((await cluster.get('/v1/rooms/r/members')).body.members).toMatchObject([{ user: 'ann' }]);
      const second = await cluster.get(`/v1/rooms/r/members?cursor=${String(first.body.cursor)}`);
      expect(second).toMatchObject({ status: 200, body: { members: [] } });
      const kicked = await fetch(`${cluster.restUrls[0]}/v1/connections/${id}`, { method: 'DELETE' });
      expect(await kicked.json()).toEqual({ kicked: 0, connections: [{ connection: id, result: 'gone' }] });
      const online = await cluster.post('/v1/users/online', { users: ['ann', 'ben'] });
      expect(online.body).toEqual({ online: { ann: 1, ben: 0 } });
    });
  });
});

const idOfClient = (client: WireClient) => (client.packets[0]!.data as Welcome).connectionId;
