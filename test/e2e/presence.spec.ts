import { PacketType, type Presence } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { until } from '../support/until.js';
import type { ServerPacket, WireClient } from '../support/wire-client.js';

const { presenceJoined: joined, presenceLeft: left, presenceLost: lost } = PacketType;
const isPresence = ({ type }: { type: number }) => type === joined || type === left || type === lost;
const backends =
  process.env.REDIS_URL && process.env.KAFKA_BROKERS ? (['memory', 'servers'] as const) : (['memory'] as const);

describe.each(backends)('presence, on %s', (on) => {
  let cluster: Cluster;
  const clients: WireClient[] = [];
  beforeAll(async () => {
    const env = {
      ROOM_POLICIES: 'chat:=open+presence,hall:=open+presence,chat:quiet=open',
      PRESENCE_MAX_MEMBERS: '4',
    };
    cluster = await startCluster({ on, gateways: 2, env });
  });
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.drop())));
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const enter = async (
    user: string | undefined,
    gateway: number,
    rooms: string[],
    query: Record<string, string> = {},
  ) => {
    const client = await cluster.connect(user, { gateway, rooms, query });
    clients.push(client);
    const { connectionId } = client.packets[0]!.data as { connectionId: string };
    return Object.assign(client, { connectionId });
  };
  type Client = Awaited<ReturnType<typeof enter>>;
  const of = (room: string, user: string | undefined, { connectionId }: Client): Presence => ({
    room,
    ...(user !== undefined && { user }),
    connectionId,
  });
  /** Waits until it is told so; between gateways there is no order. */
  const hears = async (client: WireClient, type: number, presence: Presence) => {
    const isIt = (packet: ServerPacket) =>
      packet.type === type && (packet.data as Presence).connectionId === presence.connectionId;
    const { data, id, channel } = await client.next(isIt);
    expect([data, typeof id, channel]).toEqual([presence, 'string', `room:${presence.room}`]);
  };
  const told = (client: WireClient) =>
    client.packets.filter(isPresence).map(({ type, data }) => [type, data as Presence] as const);

  it('tells members at every gateway who comes and who leaves, however they do, and nobody else', async () => {
    const ann = await enter('ann', 0, ['chat:1']);
    const far = await enter('far', 1, ['chat:1']);
    await hears(ann, joined, of('chat:1', 'far', far));
    const outside = await enter('out', 0, ['chat:2', 'chat:quiet', 'other']);
    const elsewhere = await enter('ann', 1, ['chat:1'], { app: 'shop' });
    const both = async (type: number, presence: Presence) => {
      for (const client of [ann, far]) await hears(client, type, presence);
    };
    const bob = await enter('bob', 1, ['chat:quiet', 'other']);

    await bob.request({ type: PacketType.join, data: { room: 'chat:1' } });
    await both(joined, of('chat:1', 'bob', bob));
    await bob.request({ type: PacketType.leave, data: { room: 'chat:1' } });
    await both(left, of('chat:1', 'bob', bob));
    await cluster.post('/v1/rooms/chat:1/join', { connections: [bob.connectionId] });
    await both(joined, of('chat:1', 'bob', bob));
    await cluster.post('/v1/rooms/chat:1/leave', { connections: [bob.connectionId] });
    await both(left, of('chat:1', 'bob', bob));

    const nobody = await enter(undefined, 0, ['chat:1']);
    await both(joined, of('chat:1', undefined, nobody));
    await nobody.drop();
    await both(left, of('chat:1', undefined, nobody));

    await cluster.post('/v1/rooms/chat:1/join', { users: ['cat'] });
    const cat = await enter('cat', 0, []);
    await both(joined, of('chat:1', 'cat', cat));
    expect((await fetch(`${cluster.restUrls[0]}/v1/users/cat/connections`, { method: 'DELETE' })).status).toBe(200);
    await both(left, of('chat:1', 'cat', cat));

    // What these were told, if anything, came before.
    await cluster.post('/v1/push/all', { type: 9, text: 'end' });
    await cluster.post('/v1/push/all', { type: 9, text: 'end' }, { headers: { 'x-app-id': 'shop' } });
    for (const client of [outside, elsewhere, bob]) await client.next(9);
    expect([outside, elsewhere].map(told)).toEqual([[], []]);
    // Who came just before may be among what one hears first.
    const later = (client: WireClient) => told(client).filter(([, { user }]) => user !== 'ann' && user !== 'far');
    expect(later(bob)).toEqual([]);
    expect(later(ann)).toHaveLength(8);
    expect(later(far)).toEqual(later(ann));
  });

  it('comes to whom it is wanted by, in the order of the messages of the room', async () => {
    const all = await enter('ann', 0, ['chat:3']);
    const some = await enter('bob', 1, ['chat:3'], { types: `7,${joined}` });
    const none = await enter('cat', 1, ['chat:3'], { types: '7', fields: 'minimal' });
    const dan = await enter('dan', 0, ['chat:3']);
    const isDan = ({ type, data }: { type: number; data?: unknown }) =>
      type === joined && (data as Presence).connectionId === dan.connectionId;
    await all.next(isDan);
    await cluster.post('/v1/push/rooms', { rooms: ['chat:3'], type: 7, text: 'after' });
    for (const client of [all, some, none]) await client.next(7);
    expect(some.packets.filter(isDan)).toHaveLength(1);
    expect(none.packets.filter(isPresence)).toEqual([]);
    const history = await cluster.get<{ messages: { type: number }[] }>('/v1/channels/room:chat:3/history');
    expect(history.body.messages.map(({ type }) => type)).toEqual([7]);
  });

  it('ends in a room that grows too large, and begins again when it is smaller, and both is told', async () => {
    const members: Client[] = [];
    for (let n = 0; n < 4; n += 1) members.push(await enter(`u${n}`, n % 2, ['hall:1']));
    const first = members[0]!;
    for (let n = 1; n < 4; n += 1) await hears(first, joined, of('hall:1', `u${n}`, members[n]!));
    const size = (wanted: number) =>
      until(
        async () => (await cluster.get<{ members: number }>('/v1/rooms/hall:1')).body.members === wanted,
        `${wanted} members`,
      );
    await cluster.post('/v1/rooms/hall:1/join', { users: ['u4', 'u5'] });
    for (let n = 4; n < 6; n += 1) members.push(await enter(`u${n}`, n % 2, []));
    await size(6);
    // Whoever moves when it is known to be too large is told no more.
    const seventh = await enter('u6', 0, ['hall:1']);
    await first.next(lost);
    await seventh.drop();
    await size(6);
    for (const member of members.splice(2)) await member.drop();
    await size(2);
    const last = await enter('u9', 1, ['hall:1']);
    await hears(first, joined, of('hall:1', 'u9', last));
    const frames = told(first);
    expect(frames.at(-1)).toEqual([joined, of('hall:1', 'u9', last)]);
    expect(frames.filter(([, data]) => data.user === 'u6')).toEqual([]);
    expect(frames.filter(([type]) => type === lost).length).toBeGreaterThanOrEqual(2);
    expect((await cluster.scrape()).join('\n')).toMatch(
      /skylark_dropped_total\{stage="presence",reason="crowd"\} [1-9]/,
    );
  });

  it('says of a gateway that is gone that its connections are', async () => {
    const ann = await enter('ann', 0, ['chat:4']);
    const far = await enter('far', 1, ['chat:4']);
    await ann.next(joined);
    const gone = cluster.gateways.pop()!;
    const id = far.connectionId;
    await gone.close();
    await hears(ann, left, of('chat:4', 'far', far));
    expect((await ann.next(lost)).data).toEqual({ room: 'chat:4', connections: id.slice(0, id.lastIndexOf('~') + 1) });
  });
});
