import { RoomPolicies } from '@app/protocol';
import type { PresenceReport } from '@app/rpc';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { ChannelTable } from '../room/channel-table.js';
import { FakeConnection } from '../session/connection.contract.js';
import { Outboxes } from '../session/outboxes.js';
import { RoomRights } from '../session/room-rights.js';
import { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import { LostGateways } from './lost-gateways.js';
import { PresenceLosses } from './presence-losses.js';
import { RoomPresence } from './room-presence.js';

const rights = new RoomRights(RoomPolicies.parse('chat:=open+presence'), undefined);

function setup({ maxMembers = 10, perSecond = 5 } = {}) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const sessions = new SessionTable();
  sessions.identify('g1', 1);
  const told: PresenceReport[] = [];
  const logic = { isAway: false, crowded: false };
  const tellPresence = (reports: PresenceReport[]) => {
    if (logic.isAway) return Promise.reject(new Error('away'));
    told.push(...reports);
    return Promise.resolve({ crowded: reports.map(() => logic.crowded) });
  };
  const channels: ChannelTable = new ChannelTable(undefined, undefined, undefined, (session, local, isIn) =>
    presence.moved(session, local, isIn),
  );
  const limits = { maxMembers, perSecond };
  const presence = new RoomPresence({ tellPresence }, sessions, channels, limits, clock, silentLog, metrics);
  const enter = (user: string, ...rooms: string[]) => {
    const connection = new FakeConnection();
    const session = sessions.add(connection);
    Object.assign(session, { app: 'default', user, rights, state: 'live' });
    for (const room of rooms) channels.join(session, `room:${room}`);
    return Object.assign(session, { written: connection });
  };
  const leave = (session: Session) => {
    for (const local of channels.channelsOf(session)) channels.leave(session, local);
  };
  /** What was told since, as `+user`, `-user`, or `?` for what was lost. */
  const tell = async (passedMs = 0) => {
    clock.advance(passedMs);
    await presence.tell();
    return told
      .splice(0)
      .map(({ changes, isLost }) => [
        ...(isLost ? ['?'] : []),
        ...changes.map(({ user, isIn }) => `${isIn ? '+' : '-'}${user}`),
      ])
      .join();
  };
  const dropped = async (reason: string) =>
    (await metrics.dropped.get()).values.find(({ labels }) => labels.stage === 'presence' && labels.reason === reason)
      ?.value;
  return { clock, metrics, channels, presence, enter, leave, tell, dropped, logic };
}

describe('RoomPresence', () => {
  it('tells of rooms whose policy asks for it, once, and not what cancels out', async () => {
    const { enter, leave, tell, presence } = setup();
    const ann = enter('ann', 'chat:1', 'other');
    leave(enter('bob', 'chat:1'));
    expect(await tell()).toBe('+ann');
    expect(await tell()).toBe('');
    leave(ann);
    expect(await tell()).toBe('-ann');
    expect(presence.isIdle).toBe(true);
  });

  it('tells of a room only so many a second, and then that something is missing, once', async () => {
    const { enter, tell, dropped } = setup();
    for (const user of ['a', 'b', 'c', 'd', 'e']) enter(user, 'chat:1');
    expect(await tell()).toBe('+a,+b,+c,+d,+e');
    for (const user of ['f', 'g']) enter(user, 'chat:1');
    enter('x', 'chat:2');
    expect(await tell(200)).toBe('+x');
    expect(await dropped('rate')).toBe(2);
    enter('h', 'chat:1');
    expect(await tell(200)).toBe('');
    expect(await tell(600)).toBe('?');
    expect(await tell(200)).toBe('');
    enter('i', 'chat:1');
    expect(await tell(200)).toBe('+i');
    expect(await dropped('rate')).toBe(3);
  });

  it('keeps no more than it can tell while nobody asks', async () => {
    const { enter, tell } = setup({ maxMembers: 1_000 });
    for (let n = 0; n < 100; n += 1) enter(`u${n}`, 'chat:1');
    expect(await tell()).toBe('?');
  });

  it('tells nothing of a room that is too large here, or that logic finds too large, and then that it was silent', async () => {
    const { enter, leave, tell, dropped, logic } = setup({ maxMembers: 2 });
    const some = ['a', 'b', 'c'].map((user) => enter(user, 'chat:1'));
    expect(await tell()).toBe('?');
    enter('d', 'chat:1');
    expect(await tell(1_000)).toBe('');
    for (const session of some) leave(session);
    // What was lost meanwhile is told when it can be, together with what logic owes the room.
    expect(await tell(1_000)).toBe('?');
    expect(await tell(1_000)).toBe('');
    expect(await dropped('crowd')).toBeGreaterThanOrEqual(4);
    logic.crowded = true;
    enter('e', 'chat:1');
    expect(await tell(1_000)).toBe('+e');
    expect(await dropped('crowd')).toBeGreaterThanOrEqual(5);
  });

  it('says that something is missing when logic is back', async () => {
    const { enter, tell, dropped, logic } = setup();
    logic.isAway = true;
    enter('ann', 'chat:1');
    expect(await tell()).toBe('');
    expect(await dropped('logic')).toBe(1);
    logic.isAway = false;
    expect(await tell(1_000)).toBe('?');
  });

  it('tells again of everybody who is here when others took them for gone', async () => {
    const { enter, tell, presence } = setup();
    enter('ann', 'chat:1');
    enter('bob', 'other');
    await tell();
    presence.assertAll();
    expect(await tell(1_000)).toBe('+ann');
  });
});

describe('a gateway that is gone', () => {
  it('is told to members of rooms with presence: one that left or whose lease ran out, not one that could not be read', async () => {
    const { clock, metrics, presence, enter } = setup();
    const outboxes = new Outboxes(100_000, metrics);
    const losses = new PresenceLosses(presence, outboxes);
    let nodes: { id: string; incarnation: number; leased: boolean }[] | undefined;
    const list = () => (nodes ? Promise.resolve(nodes) : Promise.reject(new Error('away')));
    const gateways = new LostGateways(
      { list } as never,
      () => !presence.isIdle,
      (ref) => losses.gatewayLost(ref),
      clock,
      silentLog,
    );
    const ann = enter('ann', 'chat:1', 'chat:2');
    const some = enter('some', 'chat:1');
    some.types = [7];
    const other = enter('other', 'other');
    const node = (id: string, leased = true) => ({ id, incarnation: 37, leased });
    nodes = [node('g1'), node('g2'), node('g3')];
    await gateways.look();
    nodes = undefined;
    await gateways.look();
    nodes = [node('g1'), node('g2', false)];
    await gateways.look();
    await gateways.look();
    await outboxes.afterFlush();
    const lost = (room: string, connections: string) => ({ type: 122, data: { room, connections } });
    expect(ann.written.packets).toEqual([
      lost('chat:1', 'g2~11~'),
      lost('chat:2', 'g2~11~'),
      lost('chat:1', 'g3~11~'),
      lost('chat:2', 'g3~11~'),
    ]);
    expect([some.written.packets, other.written.packets]).toEqual([[], []]);
  });
});
