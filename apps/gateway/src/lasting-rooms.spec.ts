import { roomChannel, type Channel, type Welcome } from '@app/protocol';
import { silentLog } from '@app/runtime';
import { gatewayEntry, longLeaseMs } from '../../../libs/registry/src/node-directory.contract.js';
import { until } from '../../../test/support/until.js';
import { anyRoom, holdCalls, openRig, turns } from './gateway-rig.contract.js';
import { Commands } from './inbound/commands.js';
import { JoinLeave } from './inbound/join-leave.js';
import { MembershipReconciler } from './inbound/membership-reconciler.js';
import { LastingRooms } from './upstream/lasting-rooms.js';

const room = roomChannel('r');

async function open(options: { maxRooms?: number } = {}) {
  const rig = await openRig(options);
  const { registry } = rig;
  await registry.nodes.renew(gatewayEntry('g1', 1), longLeaseMs);
  const rooms = new JoinLeave(rig.replay, rig.channels, options.maxRooms ?? 100, { takesJoin: () => true }, anyRoom);
  const commands = new Commands(rig.sessions, rig.channels, rooms, rig.outboxes);
  const enrol = (name = 'r', user = 'ann') => registry.memberships.add('default', name, [user], 100);
  /** What logic does: the store first, then the gateways that hold the user. `asked` resolves when they were asked. */
  const rest = (action: 'join' | 'leave') => {
    let done: Promise<unknown> = Promise.resolve();
    const asked = async () => {
      if (action === 'join') await enrol();
      else await registry.memberships.remove('default', 'r', ['ann']);
      const { users } = await registry.presence.lookup({ users: ['default/ann'], rooms: [] });
      if (users[0]!.length === 0) return;
      done = commands.changeRooms({ app: 'default', room: 'r', action, connections: [], users: ['ann'] });
    };
    return { asked: asked(), done: () => done };
  };
  const isIn = (who: ReturnType<typeof rig.connect>) => {
    const local = rig.channels.get('default', room);
    return local !== undefined && local.members.includes(who.session);
  };
  return { ...rig, rooms, commands, enrol, rest, isIn };
}

type Opened = Awaited<ReturnType<typeof open>>;
type Packets = { type: number; data: Record<string, unknown> }[];

const heardOf = (who: ReturnType<Opened['connect']>) => who.connection.packets as Packets;

describe('rooms that a user is to stay in', () => {
  it('are restored at admission: in the welcome, told by 108 after it, and what is pushed then arrives', async () => {
    const rig = await open();
    await rig.append([room], 'before');
    await rig.enrol();
    const ann = rig.connect({ user: 'ann' });
    await ann.arrived;
    await rig.push([room], 'hello');
    const state = { epoch: rig.epochName, offset: 0 };
    expect(heardOf(ann)).toMatchObject([
      { type: 100, data: { rooms: ['r'], channels: { [room]: state } } },
      { type: 108, data: { room: 'r', by: 'api', ...state } },
      { data: 'hello', channel: room },
    ]);
    expect(heardOf(ann)[1]!.data).not.toHaveProperty('recovered');
    expect(ann.session.held).toBeNull();
  });

  it('count with the `since` of the connection: what was missed comes after 108, once, then live', async () => {
    const rig = await open();
    await rig.enrol();
    await rig.append([room], 0);
    await rig.append([room], 1);
    const tops = holdCalls(rig.history, 'tops');
    const ann = rig.connect({ user: 'ann', since: [[room, { epoch: rig.epochName, offset: 0 }]] });
    await until(() => tops.calls() === 1);
    await rig.push([room], 2);
    tops.letGo();
    await ann.arrived;
    await rig.push([room], 3);
    expect(heardOf(ann).map(({ type }) => type)).toEqual([100, 108, 0, 0, 0]);
    expect(heardOf(ann)[1]!.data).toMatchObject({ room: 'r', offset: 0, recovered: true });
    expect(ann.connection.pushed).toEqual([1, 2, 3]);
  });

  it('say honestly that nothing was recovered', async () => {
    const rig = await open();
    await rig.enrol();
    await rig.append([room], 0);
    const ann = rig.connect({ user: 'ann', since: [[room, { epoch: 'other', offset: 0 }]] });
    await ann.arrived;
    expect(heardOf(ann)[1]).toMatchObject({ type: 108, data: { recovered: false } });
    expect(ann.connection.pushed).toEqual([0]);
  });

  it('are not told again when the connection asked for them itself', async () => {
    const rig = await open();
    await rig.enrol();
    await rig.enrol('q');
    const ann = rig.connect({ user: 'ann', rooms: ['r'] });
    await ann.arrived;
    expect(heardOf(ann).map(({ type, data }) => [type, data['room']])).toEqual([
      [100, undefined],
      [108, 'q'],
    ]);
    expect((heardOf(ann)[0]!.data as unknown as Welcome).rooms).toEqual(['r', 'q']);
  });

  it('come after those asked for, by name, up to the limit, and who is left out is counted', async () => {
    const rig = await open({ maxRooms: 3 });
    for (const name of ['d', 'c', 'e', 'a']) await rig.enrol(name);
    const ann = rig.connect({ user: 'ann', rooms: ['x', 'c'] });
    await ann.arrived;
    expect((heardOf(ann)[0]!.data as unknown as Welcome).rooms).toEqual(['x', 'c', 'a']);
    expect(ann.session.rooms).toBe(3);
    const [leftOut] = (await rig.metrics.registry.getSingleMetric('skylark_gateway_rooms_left_out_total')!.get())
      .values;
    expect(leftOut!.value).toBe(2);
  });

  it('cost one read for all who come in a tick, in which each is asked for once, and none for who has no name', async () => {
    const rig = await open();
    await rig.enrol('r', 'u7');
    const reads = holdCalls(rig.registry.memberships, 'roomsOf');
    reads.letGo();
    const people = Array.from({ length: 50 }, (_, i) => rig.connect({ user: `u${i % 25}` }));
    await Promise.all(people.map(({ arrived }) => arrived));
    expect(reads.calls()).toBe(1);
    expect(people.flatMap((who, i) => (rig.isIn(who) ? i : []))).toEqual([7, 32]);
    await rig.connect({}).arrived;
    expect(reads.calls()).toBe(1);
  });

  it('do not hold up the history of who has none', async () => {
    const rig = await open();
    const reads = holdCalls(rig.registry.memberships, 'roomsOf');
    const tops = holdCalls(rig.history, 'tops');
    tops.letGo();
    const ann = rig.connect({ user: 'ann' });
    await until(() => reads.calls() === 1 && tops.calls() === 1);
    reads.letGo();
    await ann.arrived;
    expect(tops.calls()).toBe(1);
  });

  it('are waited for like everything else: without them there is no welcome, and the client may come back', async () => {
    const rig = await open();
    rig.registry.memberships.roomsOf = () => Promise.reject(new Error('the registry is away'));
    const ann = rig.connect({ user: 'ann' });
    await ann.arrived;
    expect(ann.connection.writes).toEqual([]);
    expect(ann.connection.closedWith).toBe(4503);
    expect(rig.channels.size).toBe(0);
  });

  it('are not entered by a session that went meanwhile', async () => {
    const rig = await open();
    await rig.enrol();
    const reads = holdCalls(rig.registry.memberships, 'roomsOf', 'answer');
    const ann = rig.connect({ user: 'ann' });
    await until(() => reads.calls() === 1);
    rig.leave(ann.session);
    reads.letGo();
    await ann.arrived;
    expect(rig.channels.size).toBe(0);
  });

  it('may be left by the client for this connection only', async () => {
    const rig = await open();
    await rig.enrol();
    const first = rig.connect({ user: 'ann' });
    await first.arrived;
    expect(rig.rooms.leave(first.session, room)).toBe(true);
    expect(rig.isIn(first)).toBe(false);
    const second = rig.connect({ user: 'ann' });
    await second.arrived;
    expect(rig.isIn(second)).toBe(true);
  });

  it('bring what was missed also when REST puts the user in again while it arrives', async () => {
    const rig = await open();
    await rig.enrol();
    await rig.append([room], 0);
    await rig.append([room], 1);
    const reads = holdCalls(rig.registry.memberships, 'roomsOf');
    const ann = rig.connect({ user: 'ann', since: [[room, { epoch: rig.epochName, offset: 0 }]] });
    await until(() => reads.calls() === 1);
    const again = rig.rest('join');
    await again.asked;
    expect(rig.isIn(ann)).toBe(true);
    reads.letGo();
    await ann.arrived;
    await again.done();
    await rig.outboxes.afterFlush();
    expect(heardOf(ann).map(({ type }) => type)).toEqual([100, 108, 0]);
    expect(heardOf(ann)[1]!.data).toMatchObject({ offset: 0, recovered: true });
    expect(ann.connection.pushed).toEqual([1]);
  });
});

/** Where an arrival is when REST comes: each is held there until REST has asked the gateways, if it found any. */
const moments: [string, (rig: Opened) => { isThere: () => boolean; letGo: () => void }][] = [
  ['before its presence is written', (rig) => held(holdCalls(rig.registry.presence, 'apply'))],
  [
    'when its presence is written, which it does not know',
    ({ registry }) => held(holdCalls(registry.presence, 'apply', 'answer')),
  ],
  ['before its lasting rooms are read', (rig) => held(holdCalls(rig.registry.memberships, 'roomsOf'))],
  [
    'when its lasting rooms were read, and are on their way',
    (rig) => held(holdCalls(rig.registry.memberships, 'roomsOf', 'answer')),
  ],
  [
    'when its lasting rooms are known, before it comes into them',
    (rig) => held(holdCalls(rig.history, 'tops', 'answer')),
  ],
];

const held = ({ calls, letGo }: ReturnType<typeof holdCalls>) => ({ isThere: () => calls() > 0, letGo });

describe.each(moments)('an arrival %s', (_, hold) => {
  async function meet(action: 'join' | 'leave', isMember: boolean) {
    const rig = await open();
    if (isMember) await rig.enrol();
    const { isThere, letGo } = hold(rig);
    const ann = rig.connect({ user: 'ann' });
    await until(isThere);
    const rest = rig.rest(action);
    await rest.asked;
    letGo();
    await ann.arrived;
    await rest.done();
    await rig.push([room], 'after');
    await rig.outboxes.afterFlush();
    return { rig, ann };
  }

  it.each([false, true])('is in the room after a join, and told once (was to stay in it: %s)', async (isMember) => {
    const { rig, ann } = await meet('join', isMember);
    expect(rig.isIn(ann)).toBe(true);
    expect(heardOf(ann).map(({ type }) => type)).toEqual([100, 108, 0]);
    expect(ann.connection.pushed).toEqual(['after']);
  });

  it.each([false, true])('is not in the room after a leave (was to stay in it: %s)', async (isMember) => {
    const { rig, ann } = await meet('leave', isMember);
    expect(rig.isIn(ann)).toBe(false);
    expect(heardOf(ann)).toMatchObject([{ type: 100, data: { rooms: [] } }]);
    expect(await rig.registry.memberships.roomsOf(['default/ann'])).toEqual([[]]);
  });
});

describe('an arrival that comes into its lasting rooms', () => {
  /** Holds what is asked of registry or history about the room itself. */
  function holdRoom(rig: Opened, at: 'registry' | 'history') {
    let letGo!: () => void;
    let isThere = false;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { presence } = rig.registry;
    const apply = presence.apply.bind(presence);
    const tops = rig.history.tops.bind(rig.history);
    if (at === 'registry') {
      rig.registry.presence.apply = async (node, changes) => {
        if (changes.some(({ kind }) => kind === 'room')) {
          isThere = true;
          await gate;
        }
        return apply(node, changes);
      };
    } else {
      rig.history.tops = async (app: string, channels: readonly Channel[]) => {
        if (channels.includes(room)) {
          isThere = true;
          await gate;
        }
        return tops(app, channels);
      };
    }
    return { isThere: () => isThere, letGo: () => letGo() };
  }

  it.each(['registry', 'history'] as const)('leaves when REST says so while it asks the %s', async (at) => {
    const rig = await open();
    await rig.enrol();
    const { isThere, letGo } = holdRoom(rig, at);
    const ann = rig.connect({ user: 'ann' });
    await until(isThere);
    const rest = rig.rest('leave');
    await rest.asked;
    letGo();
    await Promise.all([ann.arrived, rest.done()]);
    expect(rig.isIn(ann)).toBe(false);
    expect(heardOf(ann)).toMatchObject([{ type: 100, data: { rooms: [] } }]);
  });

  it.each(['registry', 'history'] as const)('loses nothing that is pushed while it asks the %s', async (at) => {
    const rig = await open();
    await rig.enrol();
    await rig.append([room], 0);
    await rig.append([room], 1);
    const { isThere, letGo } = holdRoom(rig, at);
    const ann = rig.connect({ user: 'ann', since: [[room, { epoch: rig.epochName, offset: 0 }]] });
    await until(isThere);
    await rig.push([room], 2);
    letGo();
    await ann.arrived;
    await rig.push([room], 3);
    expect(ann.connection.pushed).toEqual([1, 2, 3]);
  });
});

describe('rooms changed by REST while the node counted as dead', () => {
  /** Ann and bob are here, both to stay in `r`; `change` is by a logic that does not ask this node. */
  async function lapsed() {
    const rig = await open();
    const { memberships } = rig.registry;
    await memberships.add('default', 'r', ['ann', 'bob'], 100);
    const [ann, bob] = [rig.connect({ user: 'ann' }), rig.connect({ user: 'bob' })];
    await Promise.all([ann.arrived, bob.arrived]);
    const lasting = new LastingRooms(memberships);
    const reconciler = new MembershipReconciler(rig.sessions, lasting, rig.commands, rig.clock, silentLog);
    await reconciler.start();
    const change = (action: 'add' | 'remove', name: string) => memberships[action]('default', name, ['ann'], 100);
    const since = (who: typeof ann) =>
      heardOf(who)
        .slice(2)
        .map(({ type, data }) => [type, data['room']]);
    return { ...rig, ann, bob, memberships, reconciler, change, since };
  }

  it('are changed when the registry knows it again, and the clients are told', async () => {
    const { ann, bob, reconciler, change, since, isIn, outboxes } = await lapsed();
    await change('remove', 'r');
    await change('add', 'q');
    await reconciler.run();
    await outboxes.afterFlush();
    expect(since(ann)).toEqual([
      [108, 'q'],
      [109, 'r'],
    ]);
    expect(since(bob)).toEqual([]);
    expect([isIn(ann), isIn(bob)]).toEqual([false, true]);
    await reconciler.run();
    await outboxes.afterFlush();
    expect(since(ann)).toHaveLength(2);
  });

  it('leave alone what a client left, and what REST did to its connection only', async () => {
    const { ann, reconciler, since, isIn, rooms, commands, sessions, outboxes } = await lapsed();
    rooms.leave(ann.session, room);
    const connections = [sessions.connectionIdOf(ann.session)];
    await commands.changeRooms({ app: 'default', room: 'once', action: 'join', connections, users: [] });
    await reconciler.run();
    await outboxes.afterFlush();
    expect(isIn(ann)).toBe(false);
    expect(since(ann)).toEqual([[108, 'once']]);
  });

  it('are changed for who was on its way in once it is welcomed, not before', async () => {
    const rig = await lapsed();
    const tops = holdCalls(rig.history, 'tops');
    const cat = rig.connect({ user: 'ann' });
    await until(() => tops.calls() === 1); // its rooms are read already
    await turns();
    await rig.change('remove', 'r');
    await rig.change('add', 'q');
    const done = rig.reconciler.run();
    await turns();
    expect(heardOf(cat)).toEqual([]);
    tops.letGo();
    await Promise.all([done, cat.arrived]);
    expect(heardOf(cat).map(({ type }) => type)).toEqual([100, 108]);
    await until(async () => {
      rig.clock.advance(1_000);
      await turns();
      return rig.since(cat).length === 2;
    });
    expect(rig.since(cat)).toEqual([
      [108, 'q'],
      [109, 'r'],
    ]);
  });

  it('stay as they are in a store that was emptied', async () => {
    const { ann, reconciler, memberships, change, since, isIn, outboxes } = await lapsed();
    memberships.life = () => Promise.resolve('another');
    await change('remove', 'r');
    await change('add', 'q');
    await reconciler.run();
    await outboxes.afterFlush();
    expect(isIn(ann)).toBe(true);
    expect(since(ann)).toEqual([[108, 'q']]);
  });

  it('are as the last one has said who says it while they are read', async () => {
    const { ann, reconciler, memberships, change, since, isIn, rest, outboxes } = await lapsed();
    await change('remove', 'r');
    const reads = holdCalls(memberships, 'roomsOf', 'answer');
    const done = reconciler.run();
    await until(() => reads.calls() === 1);
    await rest('join').asked;
    reads.letGo();
    await done;
    await outboxes.afterFlush();
    expect(isIn(ann)).toBe(true);
    expect(since(ann).at(-1) ?? [108, 'r']).toEqual([108, 'r']);
  });

  it('are not said to be so while a join is under way, and are compared again when it failed', async () => {
    const { ann, clock, commands, history, reconciler, change, since, outboxes } = await lapsed();
    await change('add', 'q');
    const tops = holdCalls(history, 'tops');
    const ask = () =>
      commands.changeRooms({ app: 'default', room: 'q', action: 'join', connections: [], users: ['ann'] });
    const asked = [ask()];
    await until(() => tops.calls() === 1);
    asked.push(ask());
    let answered = 0;
    for (const one of asked) one.catch(() => {}).finally(() => (answered += 1));
    await turns();
    expect(answered).toBe(0);
    clock.advance(11_000);
    const ends = await Promise.allSettled(asked);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    tops.letGo();
    await reconciler.run();
    await outboxes.afterFlush();
    expect(since(ann)).toEqual([[108, 'q']]);
  });
});
