import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import type { WireClient } from '../support/wire-client.js';

const servers = process.env.REDIS_URL && process.env.KAFKA_BROKERS;

describe.each([
  ['in memory', 'memory' as const, true],
  ['on Redis and Kafka', 'servers' as const, Boolean(servers)],
])('a membership made by REST, %s', (_, on, isThere) => {
  const describeHere = isThere ? describe : describe.skip;

  describeHere('with two gateways and two logics', () => {
    let cluster: Cluster;
    beforeAll(async () => {
      cluster = await startCluster({ on, gateways: 2, logics: 2 });
    });
    afterAll(() => cluster[Symbol.asyncDispose]());

    const change = async (action: 'join' | 'leave', room: string, users: string[], logic = 0) => {
      const { body } = await cluster.post<{ members: { result: string }[] }>(
        `/v1/rooms/${room}/${action}`,
        { users },
        { logic },
      );
      return body.members.map(({ result }) => result);
    };
    const roomsIn = (client: WireClient) => (client.packets[0]!.data as { rooms: string[] }).rooms;
    /** Everything that was pushed before has come when this has. */
    const end = async (...clients: WireClient[]) => {
      await cluster.push('all', { type: 9, data: 'end' });
      for (const client of clients) await client.next(9);
    };

    it('is written while the user is away, and restored on any gateway', async () => {
      expect(await change('join', 'a:1', ['ann', 'nobody'], 1)).toEqual(['joined', 'joined']);
      expect(await change('join', 'a:1', ['ann'])).toEqual(['already']);
      expect((await cluster.get('/v1/users/ann/rooms')).body).toEqual({ user: 'ann', rooms: ['a:1'] });
      expect((await cluster.get('/v1/rooms/a:1/users', { logic: 1 })).body).toEqual({
        room: 'a:1',
        users: ['ann', 'nobody'],
      });
      for (const gateway of [0, 1]) {
        const ann = await cluster.connect('ann', { gateway, rooms: ['own'] });
        expect(roomsIn(ann)).toEqual(['own', 'a:1']);
        expect(await ann.next(108)).toMatchObject({
          data: { room: 'a:1', by: 'api', offset: expect.any(Number) as number },
        });
        await cluster.push('rooms', { rooms: ['a:1'], type: 3, data: gateway });
        expect(await ann.next(3)).toMatchObject({ channel: 'room:a:1', data: gateway });
        await ann.drop();
      }
    });

    it('reaches the connections that the user has now, and ends for all of them', async () => {
      const here = [await cluster.connect('bob'), await cluster.connect('bob', { gateway: 1 })];
      expect(await change('join', 'b', ['bob'])).toEqual(['joined']);
      for (const client of here) expect(await client.next(108)).toMatchObject({ data: { room: 'b', by: 'api' } });
      await here[0]!.request({ type: 102, data: { room: 'b' } });
      const later = await cluster.connect('bob');
      expect(roomsIn(later)).toEqual(['b']);
      expect(await change('leave', 'b', ['bob'], 1)).toEqual(['left']);
      for (const client of [here[1]!, later]) expect(await client.next(109)).toMatchObject({ data: { room: 'b' } });
      await cluster.push('rooms', { rooms: ['b'], type: 3, data: 1 });
      await end(...here, later);
      expect([...here, later].flatMap((client) => client.received('room:b'))).toEqual([]);
      expect(roomsIn(await cluster.connect('bob', { gateway: 1 }))).toEqual([]);
      expect(await change('leave', 'b', ['bob'])).toEqual(['absent']);
    });

    it('is of a user, not of a connection that was named', async () => {
      const cid = await cluster.connect('cid');
      const { connectionId } = cid.packets[0]!.data as { connectionId: string };
      await cluster.post('/v1/rooms/c/join', { connections: [connectionId] });
      expect(await cid.next(108)).toMatchObject({ data: { room: 'c' } });
      await cid.drop();
      expect(roomsIn(await cluster.connect('cid'))).toEqual([]);
      expect((await cluster.get('/v1/users/cid/rooms')).body).toEqual({ user: 'cid', rooms: [] });
    });

    it('is of one app', async () => {
      const bank = { headers: { 'x-app-id': 'bank' } };
      await cluster.post('/v1/rooms/d/join', { users: ['dan'] }, bank);
      expect(roomsIn(await cluster.connect('dan'))).toEqual([]);
      expect(roomsIn(await cluster.connect('dan', { query: { app: 'bank' } }))).toEqual(['d']);
      expect((await cluster.get('/v1/users/dan/rooms')).body).toMatchObject({ rooms: [] });
      expect((await cluster.get('/v1/users/dan/rooms', bank)).body).toMatchObject({ rooms: ['d'] });
    });

    it('brings what was missed to who names a position, once, on another gateway', async () => {
      await change('join', 'e', ['eve']);
      const eve = await cluster.connect('eve');
      const { epoch } = (await eve.next(108)).data as { epoch: string };
      await cluster.push('rooms', { rooms: ['e'], type: 3, data: 1 });
      const { offset } = await eve.next(3);
      await eve.drop();
      for (const n of [2, 3]) await cluster.push('rooms', { rooms: ['e'], type: 3, data: n });
      const back = await cluster.connect('eve', { gateway: 1, query: { since: `room:e@${epoch}:${offset}` } });
      expect((await back.next(108)).data).toEqual({ room: 'e', by: 'api', epoch, offset, recovered: true });
      await cluster.push('rooms', { rooms: ['e'], type: 3, data: 4 });
      await end(back);
      expect(back.received('room:e').map(({ data }) => data)).toEqual([2, 3, 4]);
    });

    it('is one of a hundred at most, however many are asked for at once', async () => {
      const flo = await cluster.connect('flo');
      const outcomes = await Promise.all(numbers(1, 104).map((n) => change('join', `f${n}`, ['flo'], n % 2)));
      const full = outcomes.flatMap(([result], i) => (result === 'full' ? `f${i + 1}` : []));
      expect(outcomes.flat().filter((result) => result === 'joined')).toHaveLength(100);
      expect(full).toHaveLength(4);
      for (let i = 0; i < 100; i += 1) await flo.next(108);
      const back = await cluster.connect('flo', { gateway: 1, rooms: ['x', 'y'] });
      expect(roomsIn(back).slice(0, 2)).toEqual(['x', 'y']);
      expect(roomsIn(back)).toHaveLength(100);
      expect(roomsIn(back).filter((room) => full.includes(room))).toEqual([]);
    });

    it('ends where the store says when joins and leaves meet', async () => {
      const gus = [await cluster.connect('gus'), await cluster.connect('gus', { gateway: 1 })];
      for (let round = 0; round < 10; round += 1) {
        await Promise.all(
          numbers(0, 3).map((n) => change((n + round) % 2 === 0 ? 'join' : 'leave', 'g', ['gus'], n % 2)),
        );
        const { rooms } = (await cluster.get<{ rooms: string[] }>('/v1/users/gus/rooms')).body;
        const { connections } = (await cluster.get<{ connections: { rooms: string[] }[] }>('/v1/users/gus')).body;
        expect(connections.map((connection) => connection.rooms)).toEqual(gus.map(() => rooms));
      }
    });
  });
});
