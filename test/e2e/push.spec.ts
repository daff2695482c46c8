import type { Welcome } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import type { WireClient } from '../support/wire-client.js';

const servers = process.env.REDIS_URL && process.env.KAFKA_BROKERS;

describe.each([
  ['in memory', 'memory' as const, true],
  ['on Redis and Kafka', 'servers' as const, Boolean(servers)],
])('a push, %s', (_, on, isThere) => {
  const describeHere = isThere ? describe : describe.skip;

  describeHere('from REST to the client', () => {
    let cluster: Cluster;
    beforeAll(async () => {
      cluster = await startCluster({ on, gateways: 2, logics: 2, jobs: on === 'memory' ? 1 : 2 });
    });
    afterAll(() => cluster[Symbol.asyncDispose]());

    const dataOf = async (client: WireClient, type = 3) => (await client.next(type)).data;
    const connectionIdOf = (client: WireClient) => (client.packets[0]!.data as Welcome).connectionId;

    it('reaches everybody, whichever gateway they are at', async () => {
      const people = [
        await cluster.connect('ann'),
        await cluster.connect('bob', { gateway: 1 }),
        await cluster.connect(),
      ];
      await cluster.push('all', { type: 3, data: { hello: 'world' } });
      for (const client of people) {
        const packet = await client.next(3);
        expect(packet).toMatchObject({ channel: 'all', data: { hello: 'world' } });
        expect(packet.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
      }
    });

    it('reaches a user on every device, and nobody else', async () => {
      const phone = await cluster.connect('carl', { query: { device: 'phone' } });
      const laptop = await cluster.connect('carl', { gateway: 1, query: { device: 'laptop' } });
      const other = await cluster.connect('dora', { gateway: 1 });
      await cluster.push('users', { users: ['carl', 'nobody'], type: 3, data: 'hi carl' }, 1);
      for (const client of [phone, laptop]) {
        const packet = await client.next(3);
        expect(packet).toMatchObject({ data: 'hi carl' });
        expect(packet.channel).toBeUndefined();
      }
      await cluster.push('users', { users: ['carl'], device: 'phone', type: 4, data: 'phone only' });
      await cluster.push('users', { users: ['carl', 'dora'], type: 5, data: 'end' });
      expect(await dataOf(phone, 4)).toBe('phone only');
      await Promise.all([phone, laptop, other].map((client) => client.next(5)));
      expect(laptop.received('user').map((packet) => packet.type)).toEqual([3, 5]);
      expect(other.received('user').map((packet) => packet.type)).toEqual([5]);
    });

    it('reaches the members of a room, joined at connect, by frame or by REST', async () => {
      const eve = await cluster.connect('eve', { rooms: ['live:1'] });
      const fred = await cluster.connect('fred', { gateway: 1 });
      const gil = await cluster.connect('gil', { gateway: 1 });
      const hal = await cluster.connect('hal');
      expect(await fred.request({ type: 101, data: { room: 'live:1' } })).toMatchObject({
        data: { offset: expect.any(Number) as number },
      });
      const joined = await cluster.post('/v1/rooms/live:1/join', { users: ['gil', 'nobody'] });
      expect(joined.body.members).toEqual([
        { user: 'gil', result: 'joined' },
        { user: 'nobody', result: 'joined' },
      ]);
      expect(await gil.next(108)).toMatchObject({ data: { room: 'live:1', by: 'api' } });
      await cluster.push('rooms', { rooms: ['live:1', 'empty'], type: 3, text: 'goal' });
      for (const client of [eve, fred, gil])
        expect(await client.next(3)).toMatchObject({ channel: 'room:live:1', data: 'goal' });

      await fred.request({ type: 102, data: { room: 'live:1' } });
      const left = await cluster.post('/v1/rooms/live:1/leave', {
        connections: [connectionIdOf(gil), connectionIdOf(hal), 'gone~1~1'],
      });
      expect((left.body.members as { result: string }[]).map(({ result }) => result)).toEqual([
        'left',
        'absent',
        'gone',
      ]);
      await cluster.push('rooms', { rooms: ['live:1'], type: 4, data: 2 });
      await cluster.push('all', { type: 5, data: 'end' });
      await Promise.all([eve, fred, gil, hal].map((client) => client.next(5)));
      expect([eve, fred, gil, hal].map((client) => client.received('room:live:1').length)).toEqual([2, 1, 1, 0]);
    });

    it('reaches one connection, without history', async () => {
      const ida = await cluster.connect('ida', { gateway: 1 });
      await cluster.push('connections', {
        connections: [connectionIdOf(ida), 'gone~1~1', 'not an id'],
        type: 3,
        base64: 'AP8=',
      });
      expect(await ida.next(3)).toMatchObject({ data: 'AP8=', encoding: 'base64' });
    });

    it('comes in order and once, a thousand in a row', async () => {
      const people = await Promise.all([0, 1].map((gateway) => cluster.connect(undefined, { gateway, rooms: ['r'] })));
      for (const n of numbers(1, 1000)) await cluster.push('rooms', { rooms: ['r'], type: 3, data: n });
      for (const client of people) {
        await client.next((packet) => packet.data === 1000);
        expect(client.received('room:r').map((packet) => packet.data)).toEqual(numbers(1, 1000));
        const offsets = client.received('room:r').map((packet) => packet.offset!);
        expect([...offsets].sort((a, b) => a - b)).toEqual(offsets);
      }
    });

    it('leaves out whom it excludes, and what is too old', async () => {
      const [joe, kim] = [
        await cluster.connect('joe', { rooms: ['x'] }),
        await cluster.connect('kim', { rooms: ['x'] }),
      ];
      await cluster.push('rooms', { rooms: ['x'], type: 3, data: 1, exclude: { users: ['joe'] } });
      await cluster.push('rooms', { rooms: ['x'], type: 4, data: 2, ttlMs: 60_000 });
      await Promise.all([joe, kim].map((client) => client.next(4)));
      expect(joe.received('room:x').map((packet) => packet.type)).toEqual([4]);
      expect(kim.received('room:x').map((packet) => packet.type)).toEqual([3, 4]);
    });

    it('arrives as exactly type and data for who wants it so, and by type for who named types', async () => {
      const minimal = await cluster.connect('lea', { query: { fields: 'minimal' } });
      const picky = await cluster.connect('max', { query: { types: '7' } });
      await cluster.push('all', { type: 6, data: 'six' });
      await cluster.push('all', { type: 7, data: 'seven' });
      await minimal.next(7);
      expect(minimal.frames.filter((frame) => frame.includes('six'))).toEqual(['{"type":6,"data":"six"}']);
      expect(await picky.next(7)).toMatchObject({ data: 'seven' });
      expect(picky.received('all').map((packet) => packet.type)).toEqual([7]);
      await picky.request({ type: 105, data: { types: [8] } });
      await cluster.push('all', { type: 7, data: 'no' });
      await cluster.push('all', { type: 8, data: 'eight' });
      await picky.next(8);
      expect(picky.received('all').map((packet) => packet.type)).toEqual([7, 8]);
    });

    it('reaches single devices of users, and keeps it for them', async () => {
      const device = (user: string, name: string, gateway: number, since?: string) =>
        cluster.connect(user, { gateway, query: { device: name, ...(since && { since }) } });
      const phone = await device('olga', 'phone', 0);
      const watch = await device('olga', 'watch', 1);
      const tablet = await device('pia', 'tablet', 1);
      const { user } = (watch.packets[0]!.data as Welcome).channels;
      await watch.drop();
      const targets = [
        { user: 'olga', device: 'phone' },
        { user: 'olga', device: 'watch' },
        { user: 'pia', device: 'none' },
      ];
      await cluster.push('devices', { targets, type: 3, data: 'small screens' });
      await cluster.push('users', { users: ['olga', 'pia'], type: 5, data: 'end' });
      expect(await dataOf(phone)).toBe('small screens');
      const [back, other] = [
        await device('olga', 'watch', 0, `user@${user!.epoch}:${user!.offset}`),
        await device('olga', 'laptop', 0, `user@${user!.epoch}:${user!.offset}`),
      ];
      await Promise.all([back, other, tablet].map((client) => client.next(5)));
      expect(back.received('user').map((packet) => packet.type)).toEqual([3, 5]);
      expect(other.received('user').map((packet) => packet.type)).toEqual([5]);
      expect(tablet.received('user').map((packet) => packet.type)).toEqual([5]);
    });

    it('reaches those whose labels match, as they are then, each with the variant for them', async () => {
      const labelled = (labels: string, gateway: number) =>
        cluster.connect(undefined, { gateway, rooms: ['labels'], query: { labels } });
      const [ios, web] = [await labelled('platform:ios,lang:fr', 0), await labelled('platform:web', 1)];
      const variants = [
        { match: 'lang=fr', text: 'salut' },
        { match: 'platform', data: { never: 'second' } },
      ];
      await cluster.push('labels', { match: 'platform=ios', type: 3, data: 'phones', variants });
      await cluster.push('rooms', { rooms: ['labels'], match: '!platform=ios', type: 3, data: 'no phones' });
      await cluster.push('all', { type: 6, data: 'until here' });
      await Promise.all([ios, web].map((client) => client.next(6)));
      expect(await dataOf(web)).toBe('no phones');
      await web.request({ type: 105, data: { set: { platform: 'ios' } } });
      await cluster.push('all', { match: 'platform=ios & !lang', type: 3, data: 'new phone' });
      await cluster.push('all', { type: 5, data: 'end' });
      await Promise.all([ios, web].map((client) => client.next(5)));
      const got = (client: WireClient) => client.packets.filter(({ type }) => type === 3).map(({ data }) => data);
      expect(got(ios)).toEqual(['salut']);
      expect(got(web)).toEqual(['no phones', 'new phone']);
    });

    it('answers each push of a batch, and brings those of a channel in their order', async () => {
      const rosa = await cluster.connect('rosa', { gateway: 1, rooms: ['batch'] });
      const pushes: Record<string, unknown>[] = numbers(1, 500).flatMap((n) => [
        { target: 'rooms', rooms: ['batch'], type: 3, data: n },
        { target: 'users', users: ['rosa', `nobody-${n}`], type: 3, data: n },
      ]);
      pushes[500] = { target: 'rooms', rooms: ['not a name'], type: 3, data: 0 };
      const { status, body } = await cluster.post('/v1/push/batch', { pushes });
      expect(status).toBe(200);
      const results = body.results as { status: number }[];
      expect(results.map((result) => result.status)).toEqual(pushes.map((_push, i) => (i === 500 ? 422 : 202)));
      await cluster.push('rooms', { rooms: ['batch'], type: 5, data: 'end' });
      await cluster.push('users', { users: ['rosa'], type: 6, data: 'end' });
      await Promise.all([rosa.next(5), rosa.next(6)]);
      const got = (channel: string) => rosa.received(channel).map(({ data }) => data);
      expect(got('room:batch')).toEqual([...numbers(1, 250), ...numbers(252, 500), 'end']);
      expect(got('user')).toEqual([...numbers(1, 500), 'end']);
    });

    it('says in a dry run whom it would reach, and sends nothing', async () => {
      const sam = await cluster.connect('sam', { rooms: ['dry'], query: { device: 'a', labels: 'dry:1' } });
      const again = await cluster.connect('sam', { gateway: 1, rooms: ['dry', 'dry-too'], query: { device: 'b' } });
      const reach = async (target: string, body: Record<string, unknown>) => {
        const answer = await cluster.post(`/v1/push/${target}`, { ...body, type: 3, data: 0, dryRun: true });
        expect(answer.status).toBe(200);
        return [answer.body.connections, answer.body.nodes];
      };
      expect(await reach('users', { users: ['sam', 'nobody'] })).toEqual([2, 2]);
      expect(await reach('rooms', { rooms: ['dry', 'dry-too', 'empty'] })).toEqual([2, 2]);
      expect(await reach('rooms', { rooms: ['dry'], match: 'dry=1' })).toEqual([1, 1]);
      expect(await reach('labels', { match: 'dry' })).toEqual([1, 1]);
      expect(await reach('devices', { targets: [{ user: 'sam', device: 'b' }] })).toEqual([1, 1]);
      expect(await reach('connections', { connections: [connectionIdOf(sam), 'gone~1~1'] })).toEqual([1, 1]);
      expect(await reach('users', { users: ['sam'], exclude: { connections: [connectionIdOf(sam)] } })).toEqual([1, 1]);
      expect(await reach('users', { users: ['nobody'] })).toEqual([0, 0]);
      await cluster.push('users', { users: ['sam'], type: 5, data: 'end' });
      await Promise.all([sam, again].map((client) => client.next(5)));
      for (const client of [sam, again]) expect(client.packets.map(({ type }) => type)).not.toContain(3);
    });

    it('gives a returning client what it missed, once, on another gateway', async () => {
      const nia = await cluster.connect('nia', { rooms: ['back'] });
      await cluster.push('rooms', { rooms: ['back'], type: 3, data: 1 });
      const seen = await nia.next(3);
      const { channels } = nia.packets[0]!.data as Welcome;
      const epoch = channels.all!.epoch;
      await nia.drop();
      await cluster.push('rooms', { rooms: ['back'], type: 3, data: 2 });
      await cluster.push('users', { users: ['nia'], type: 3, data: 'yours' });
      const since = `room:back@${epoch}:${seen.offset},user@${channels.user!.epoch}:${channels.user!.offset}`;
      const back = await cluster.connect('nia', { gateway: 1, rooms: ['back'], query: { since } });
      expect((back.packets[0]!.data as Welcome).channels).toMatchObject({
        user: { recovered: true },
        'room:back': { recovered: true },
      });
      await cluster.push('rooms', { rooms: ['back'], type: 4, data: 3 });
      await back.next(4);
      expect(back.received('room:back').map((packet) => packet.data)).toEqual([2, 3]);
      expect(back.received('user').map((packet) => packet.data)).toEqual(['yours']);
    });

    it('tells who is online, and where', async () => {
      const { body } = await cluster.get<{ connections: number }>('/v1/online');
      expect(body.connections).toBeGreaterThan(0);
      const { body: nodes } = await cluster.get<{ nodes: { id: string; address: string }[] }>('/v1/nodes', {
        logic: 1,
      });
      expect(nodes.nodes.map(({ id }) => id).sort()).toEqual(['gateway-0', 'gateway-1']);
    });
  });
});
