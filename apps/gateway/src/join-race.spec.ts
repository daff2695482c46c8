import { roomChannel, type Welcome } from '@app/protocol';
import { until } from '../../../test/support/until.js';
import { Commands } from './inbound/commands.js';
import { JoinLeave } from './inbound/join-leave.js';
import { anyRoom, holdCalls, openRig } from './gateway-rig.contract.js';

const room = roomChannel('r');

describe('a session that comes in while messages go by', () => {
  it('gets a message once that came between the registry write and the history read', async () => {
    const rig = await openRig();
    await rig.append([room], 'before');
    const tops = holdCalls(rig.history, 'tops');
    const ann = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: -1 }]] });
    await until(() => tops.calls() === 1);

    await rig.push([room], 'meanwhile');
    expect(ann.connection.writes).toEqual([]);
    tops.letGo();
    await ann.arrived;
    await rig.push([room], 'after');

    expect(ann.connection.packets[0]).toMatchObject({ type: 100 });
    expect(ann.connection.pushed).toEqual(['before', 'meanwhile', 'after']);
  });

  it('gets what was held in order after what was replayed, and not again what history had already', async () => {
    const rig = await openRig();
    await rig.append([room], 1);
    const read = holdCalls(rig.history, 'read');
    const ann = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: -1 }]] });
    await until(() => read.calls() === 1);

    await rig.push([room], 2);
    await rig.push([room], 3);
    read.letGo();
    await ann.arrived;
    await rig.push([room], 4);

    expect(ann.connection.pushed).toEqual([1, 2, 3, 4]);
  });

  it('is not given again what is still under way from job when history has brought it', async () => {
    const rig = await openRig();
    const bob = rig.connect({ rooms: ['r'] });
    await bob.arrived;
    await rig.push([room], 1);
    const slow = await rig.append([room], 2); // in history, on its way here

    const ann = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: 0 }]] });
    await ann.arrived;
    expect(ann.connection.pushed).toEqual([2]);
    await rig.deliver([slow]);
    await rig.push([room], 3);

    expect(ann.connection.pushed).toEqual([2, 3]);
    expect(bob.connection.pushed).toEqual([1, 2, 3]);
    expect(ann.session.held).toBeNull();
    expect(rig.channels.get('default', room)!.picky).toBe(0);
  });

  it('loses nothing when another newcomer has read further meanwhile', async () => {
    const rig = await openRig();
    const tops = holdCalls(rig.history, 'tops', 'answer');
    const ann = rig.connect({ rooms: ['r'] });
    await until(() => tops.calls() === 1);
    const first = await rig.append([room], 1); // in history, on its way here
    tops.stop();
    const bob = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: -1 }]] });
    await bob.arrived;
    tops.letGo();
    await ann.arrived;
    await rig.deliver([first]);
    await rig.push([room], 2);

    expect(bob.connection.pushed).toEqual([1, 2]);
    // Her position is before the message, or it came.
    const [welcome] = ann.connection.packets as [{ data: { channels: Record<string, { offset: number }> } }];
    const { offset } = welcome.data.channels[room]!;
    expect(ann.connection.pushed).toEqual([1, 2].slice(offset + 1));
  });

  it('reads again when the first held message follows one that history had not shown', async () => {
    const rig = await openRig();
    const tops = holdCalls(rig.history, 'tops', 'answer');
    const ann = rig.connect({ rooms: ['r'] });
    await until(() => tops.calls() === 1);
    await rig.append([room], 'lost on its way');
    await rig.push([room], 'held');
    tops.stop();
    tops.letGo();
    await ann.arrived;
    const [welcome] = ann.connection.packets as [{ data: { channels: Record<string, { offset: number }> } }];
    const { offset } = welcome.data.channels[room]!;
    expect(offset).toBe(1);
    expect(ann.connection.pushed).toEqual([]);
    await rig.push([room], 'next');
    expect(ann.connection.pushed).toEqual(['next']);
  });

  it('is closed as slow when more is held for it than an outbox may hold', async () => {
    const rig = await openRig({ maxOutboxBytes: 4_096 });
    const tops = holdCalls(rig.history, 'tops');
    const ann = rig.connect({ rooms: ['r'] });
    await until(() => tops.calls() === 1);
    for (let i = 0; i < 3; i += 1) await rig.push([room], 'x'.repeat(1_500));
    expect(ann.connection.closedWith).toBe(4413);
    expect(await rig.dropped('replay', 'slow_consumer')).toBe(3);
    const { bytes } = ann.session.held!;
    for (let i = 0; i < 3; i += 1) await rig.push([room], 'x'.repeat(1_500));
    expect(ann.session.held!.bytes).toBe(bytes);
    expect(await rig.dropped('replay', 'slow_consumer')).toBe(3);
    expect(await rig.dropped('outbox', 'closed')).toBe(3);
    tops.letGo();
    await ann.arrived;
  });

  it('waits for the registry before it reads history', async () => {
    const rig = await openRig();
    const apply = holdCalls(rig.registry.presence, 'apply');
    const tops = holdCalls(rig.history, 'tops');
    tops.letGo();
    const ann = rig.connect({ user: 'ann' });
    await until(() => apply.calls() === 1);
    expect(tops.calls()).toBe(0);
    apply.letGo();
    await ann.arrived;
    expect(tops.calls()).toBe(1);
  });

  it('costs one look at history however many come in a tick', async () => {
    const rig = await openRig();
    await rig.append([room], 1);
    const tops = holdCalls(rig.history, 'tops');
    const read = holdCalls(rig.history, 'read');
    tops.letGo();
    read.letGo();
    const since: [string, { epoch: string; offset: number }][] = [[room, { epoch: rig.epochName, offset: -1 }]];
    const people = Array.from({ length: 50 }, () => rig.connect({ rooms: ['r'], since }));
    await Promise.all(people.map(({ arrived }) => arrived));
    expect(tops.calls()).toBe(1);
    expect(read.calls()).toBe(1);
    for (const { connection } of people) expect(connection.pushed).toEqual([1]);
  });

  it('joins a room with the answer before what was missed, and nothing else held up', async () => {
    const rig = await openRig();
    const ann = rig.connect({ user: 'ann' });
    await ann.arrived;
    await rig.append([room], 'missed');
    const states: unknown[] = [];
    const joined = rig.replay.join(
      ann.session,
      [room],
      new Map([[room, { epoch: rig.epochName, offset: -1 }]]),
      (found) => states.push(found.get(room), ann.session.pending),
    );
    await joined;
    await rig.outboxes.afterFlush();
    expect(states).toEqual([{ epoch: rig.epochName, offset: -1, recovered: true }, null]);
    expect(ann.connection.pushed).toEqual(['missed']);
    expect(ann.session.rooms).toBe(1);
    expect(ann.session.held).toBeNull();
  });

  it('is in none of the channels when history does not answer in time', async () => {
    const rig = await openRig();
    const ann = rig.connect({ user: 'ann' });
    await ann.arrived;
    const tops = holdCalls(rig.history, 'tops');
    const joined = rig.replay.join(ann.session, [room], new Map(), () => {});
    await until(() => tops.calls() === 1);
    rig.clock.advance(10_000);
    await expect(joined).rejects.toMatchObject({ code: 'timeout' });
    expect(ann.session.rooms).toBe(0);
    expect(ann.session.held).toBeNull();
    expect(rig.channels.get('default', room)).toBeUndefined();
  });
});

describe('a leave while a join is under way', () => {
  async function open() {
    const rig = await openRig();
    const commands = new Commands(
      rig.sessions,
      rig.channels,
      new JoinLeave(rig.replay, rig.channels, 100, { takesJoin: () => true }, anyRoom),
      rig.outboxes,
    );
    const change = (who: ReturnType<typeof rig.connect>, action: 'join' | 'leave') =>
      commands.changeRooms({
        app: 'default',
        room: 'r',
        action,
        connections: [rig.sessions.connectionIdOf(who.session)],
        users: [],
      });
    return { ...rig, change };
  }

  it('is not told before the welcome, which no longer lists the room', async () => {
    const rig = await open();
    const tops = holdCalls(rig.history, 'tops');
    const ann = rig.connect({ rooms: ['r', 'q'] });
    await until(() => tops.calls() === 1);
    expect(await rig.change(ann, 'leave')).toMatchObject({ connections: ['left'] });
    await rig.outboxes.afterFlush();
    expect(ann.connection.packets).toEqual([]);
    tops.letGo();
    await ann.arrived;
    expect(ann.connection.packets).toMatchObject([{ type: 100, data: { rooms: ['q'] } }]);
    expect(Object.keys((ann.connection.packets[0]!['data'] as Welcome).channels)).toEqual(['all', 'room:q']);
  });

  it('is the last that the client hears of the room', async () => {
    const rig = await open();
    const ann = rig.connect();
    await ann.arrived;
    const tops = holdCalls(rig.history, 'tops');
    const joined = rig.change(ann, 'join');
    await until(() => tops.calls() === 1);
    await rig.change(ann, 'leave');
    const again = rig.change(ann, 'join');
    await rig.change(ann, 'leave');
    tops.letGo();
    await Promise.all([joined, again]);
    await rig.outboxes.afterFlush();
    expect(ann.connection.packets.map(({ type }) => type)).toEqual([100, 109, 109]);
    await rig.change(ann, 'join');
    await rig.outboxes.afterFlush();
    expect(ann.connection.packets.at(-1)).toMatchObject({ type: 108 });
  });

  it('does not take a later join with it when the earlier one fails', async () => {
    const rig = await open();
    const [ann, bob] = [rig.connect(), rig.connect({ rooms: ['r'] })];
    await Promise.all([ann.arrived, bob.arrived]);
    const tops = holdCalls(rig.history, 'tops');
    const join = () => rig.replay.join(ann.session, [room], new Map(), () => {});
    const first = join();
    await until(() => tops.calls() === 1);
    await rig.change(ann, 'leave');
    rig.clock.advance(9_000);
    const second = join();
    rig.clock.advance(1_000);
    await expect(first).rejects.toMatchObject({ code: 'timeout' });
    tops.letGo();
    await second;
    await rig.push([room], 'hello');
    expect(ann.connection.pushed).toEqual(['hello']);
  });

  it('is not needed for a second join to fail with the first', async () => {
    const rig = await open();
    const ann = rig.connect();
    await ann.arrived;
    const tops = holdCalls(rig.history, 'tops');
    const states: unknown[] = [];
    const first = rig.replay.join(ann.session, [room], new Map(), () => {});
    const second = rig.replay.join(ann.session, [room], new Map(), (found) => states.push(found.get(room)));
    await until(() => tops.calls() === 1);
    rig.clock.advance(10_000);
    await expect(first).rejects.toMatchObject({ code: 'timeout' });
    await expect(second).rejects.toMatchObject({ code: 'timeout' });
    expect(states).toEqual([]);
  });
});
