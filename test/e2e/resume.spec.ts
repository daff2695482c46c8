import type { ChannelState, Welcome } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { until } from '../support/until.js';
import { upgradeRefused, type WireClient } from '../support/wire-client.js';

const servers = process.env.REDIS_URL && process.env.KAFKA_BROKERS;
const policies = 'room:=100/10m,room:few=3/10m,room:none=0,room:brief=100/50ms';
const largest = Number.MAX_SAFE_INTEGER;

interface Push {
  data: unknown;
  retain?: boolean;
  ttlMs?: number;
}
type Come = (cluster: Cluster, room: string, since: string) => Promise<{ client: WireClient; state: ChannelState }>;

/** Somebody who is in the room while these are pushed; answers where each stands, as that client could say it later. */
async function seen(cluster: Cluster, room: string, ...pushes: Push[]): Promise<string[]> {
  const client = await cluster.connect(undefined, { rooms: [room] });
  const { epoch } = (client.packets[0]!.data as Welcome).channels[`room:${room}`]!;
  for (const push of pushes) await cluster.push('rooms', { rooms: [room], type: 3, ...push });
  await until(() => client.received(`room:${room}`).length === pushes.length, 'all that was pushed');
  await client.drop();
  return client.received(`room:${room}`).map(({ offset }) => `${epoch}:${offset}`);
}

const atConnect: Come = async (cluster, room, since) => {
  const query = { since: `room:${room}@${since}` };
  const client = await cluster.connect(undefined, { gateway: 1, rooms: [room], query });
  return { client, state: (client.packets[0]!.data as Welcome).channels[`room:${room}`]! };
};

const atJoin: Come = async (cluster, room, since) => {
  const client = await cluster.connect(undefined, { gateway: 1 });
  const reply = await client.request({ type: 101, data: { room, since } });
  return { client, state: reply.data as ChannelState };
};

const plain = (from: number, to: number): Push[] => numbers(from, to).map((data) => ({ data }));

/** What somebody missed, who comes back to a room of that policy with one of the positions that were seen. */
const stories: {
  title: string;
  room?: string;
  pushes: Push[];
  since: (positions: string[]) => string;
  recovered: boolean;
  missed: unknown[];
}[] = [
  { title: 'some', pushes: plain(1, 4), since: (p) => p[1]!, recovered: true, missed: [3, 4] },
  { title: 'nothing', pushes: plain(1, 4), since: (p) => p[3]!, recovered: true, missed: [] },
  {
    title: 'all, from the beginning',
    pushes: plain(1, 3),
    since: (p) => `${p[0]!.split(':')[0]}:-1`,
    recovered: true,
    missed: [1, 2, 3],
  },
  {
    title: 'more than is kept',
    room: 'few',
    pushes: plain(1, 6),
    since: (p) => p[1]!,
    recovered: false,
    missed: [4, 5, 6],
  },
  {
    title: 'as much as is kept',
    room: 'few',
    pushes: plain(1, 6),
    since: (p) => p[2]!,
    recovered: true,
    missed: [4, 5, 6],
  },
  { title: 'a whole epoch', pushes: plain(1, 2), since: () => 'another:1', recovered: false, missed: [1, 2] },
  { title: 'what is never kept', room: 'none', pushes: plain(1, 2), since: (p) => p[0]!, recovered: false, missed: [] },
  {
    title: 'what was not retained, and more',
    pushes: [{ data: 1 }, { data: 2, retain: false }, { data: 3 }],
    since: (p) => p[0]!,
    recovered: true,
    missed: [3],
  },
  {
    title: 'something after a message that was not retained',
    pushes: [{ data: 1 }, { data: 2, retain: false }, { data: 3 }],
    since: (p) => p[1]!,
    recovered: true,
    missed: [3],
  },
  {
    title: 'nothing after a message that was not retained',
    pushes: [{ data: 1 }, { data: 2, retain: false }],
    since: (p) => p[1]!,
    recovered: true,
    missed: [],
  },
  {
    title: 'what is ahead of everything',
    pushes: plain(1, 2),
    since: (p) => `${p[0]!.split(':')[0]}:${largest}`,
    recovered: false,
    missed: [],
  },
];

describe.each([
  ['in memory', 'memory' as const, true],
  ['on Redis and Kafka', 'servers' as const, Boolean(servers)],
])('coming back, %s', (_, on, isThere) => {
  (isThere ? describe : describe.skip)('at another gateway', () => {
    let cluster: Cluster;
    let rooms = 0;
    beforeAll(async () => {
      const env = { CHANNEL_POLICIES: policies, MAX_OUTBOX_BYTES: '131072' };
      cluster = await startCluster({ on, gateways: 2, env });
    });
    afterAll(() => cluster[Symbol.asyncDispose]());

    const freshRoom = (policy = 'r') => `${policy}-${(rooms += 1)}`;

    describe.each([
      ['at connect', atConnect],
      ['at join', atJoin],
    ])('%s', (_where, come) => {
      it.each(stories)('after missing $title', async ({ room: policy, pushes, since, recovered, missed }) => {
        const room = freshRoom(policy);
        const position = since(await seen(cluster, room, ...pushes));
        const { client, state } = await come(cluster, room, position);
        expect(state.recovered).toBe(recovered);
        await cluster.push('rooms', { rooms: [room], type: 4, data: 'live' });
        await client.next(4);
        expect(client.received(`room:${room}`).map(({ data }) => data)).toEqual([...missed, 'live']);
      });

      it('after messages came to their own end, which nobody missed', async () => {
        const room = freshRoom();
        const [first] = await seen(cluster, room, { data: 1 }, { data: 2, ttlMs: 60_000 });
        await seen(cluster, room, { data: 3 });
        await cluster.push('rooms', { rooms: [room], type: 3, data: 'short', ttlMs: 1 });
        await cluster.push('rooms', { rooms: [room], type: 3, data: 5 });
        await kept(room, (data) => data.includes(5) && !data.includes('short'));
        const { client, state } = await come(cluster, room, first!);
        expect(state.recovered).toBe(true);
        await until(() => client.received(`room:${room}`).length === 3);
        expect(client.received(`room:${room}`).map(({ data }) => data)).toEqual([2, 3, 5]);
      });

      it('after the time of the policy, told from where nothing was missed', async () => {
        const room = freshRoom('brief');
        const [first, second] = await seen(cluster, room, ...plain(1, 2));
        await kept(room, (data) => data.length === 0);
        const late = await come(cluster, room, first!);
        expect(late.state.recovered).toBe(false);
        const inTime = await come(cluster, room, second!);
        expect(inTime.state.recovered).toBe(true);
        await cluster.push('rooms', { rooms: [room], type: 4, data: 'live' });
        for (const { client } of [late, inTime]) {
          await client.next(4);
          expect(client.received(`room:${room}`).map(({ data }) => data)).toEqual(['live']);
        }
      });
    });

    it('with garbage for a position, which is refused and changes nothing', async () => {
      const room = freshRoom();
      await seen(cluster, room, ...plain(1, 2));
      const client = await cluster.connect(undefined, { gateway: 1 });
      for (const since of ['', 'x', 'e:', ':1', 'e:-2', 'e:1.5', 'e:01', 'e e:1', `e:${largest}0`, 7, null, {}]) {
        const reply = await client.request({ type: 101, data: { room, since } });
        expect([since, reply.error?.code]).toEqual([since, 'invalid_body']);
      }
      for (const since of ['x', `room:${room}@e`, `room:${room}@e:-2`, `${room}@e:1`, `all@e:1,all@e:2`]) {
        const { status, body } = await upgradeRefused(cluster.clientUrls[1]!, { query: { rooms: room, since } });
        expect([since, status, body]).toEqual([since, 400, expect.stringContaining('malformed')]);
      }
      await cluster.push('rooms', { rooms: [room], type: 3, data: 'not in it' });
      await cluster.push('all', { type: 5, data: 'end' });
      await client.next(5);
      expect(client.received(`room:${room}`)).toEqual([]);
    });

    it('with a position of a room that REST brings back later: it begins where the room stands', async () => {
      const room = freshRoom();
      const [first] = await seen(cluster, room, ...plain(1, 3));
      const user = `u-${room}`;
      const client = await cluster.connect(user, { gateway: 1, query: { since: `room:${room}@${first}` } });
      expect(Object.keys((client.packets[0]!.data as Welcome).channels)).not.toContain(`room:${room}`);
      await cluster.post(`/v1/rooms/${room}/join`, { users: [user] });
      await client.next(108);
      await cluster.push('rooms', { rooms: [room], type: 4, data: 'live' });
      await client.next(4);
      expect(client.received(`room:${room}`).map(({ data }) => data)).toEqual(['live']);
    });

    it('again and again, each time cut in the middle of a replay that is too large for a slow client', async () => {
      const room = freshRoom();
      const text = 'x'.repeat(50_000);
      const data = numbers(1, 60).map((n) => `${n} ${text}`);
      let [since] = await seen(cluster, room, { data: 0 });
      const epoch = since!.split(':')[0]!;
      for (const each of data) await cluster.push('rooms', { rooms: [room], type: 3, data: each });
      await kept(room, (held) => held.length === 61);
      const got: unknown[] = [];
      let comings = 0;
      while (got.length < data.length) {
        comings += 1;
        const { client, state } = await atConnect(cluster, room, since!);
        expect([comings, state.recovered]).toEqual([comings, true]);
        if (comings <= 2) await client.next(3);
        else await until(() => got.length + client.received(`room:${room}`).length === data.length || isClosed(client));
        if (comings <= 2) await client.drop();
        const came = client.received(`room:${room}`);
        got.push(...came.map((packet) => packet.data));
        expect(came.length).toBeGreaterThan(0); // or a slow client would never come to the end
        since = `${epoch}:${came.at(-1)!.offset}`;
        await client.drop();
      }
      expect(got).toEqual(data);
      expect(comings).toBeGreaterThan(1);
    });

    /** Waits for what history keeps of a room. */
    const kept = (room: string, holds: (data: unknown[]) => boolean) =>
      until(async () => {
        const { body } = await cluster.get<{ messages: { data: unknown }[] }>(`/v1/channels/room:${room}/history`);
        return holds(body.messages.map(({ data }) => data));
      }, `what is kept of ${room}`);
  });
});

const isClosed = (client: WireClient) => client.socket.readyState === client.socket.CLOSED;
