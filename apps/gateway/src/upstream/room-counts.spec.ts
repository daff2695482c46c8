import { createMemoryRegistry, nodeRef } from '@app/registry';
import { ManualClock, silentLog } from '@app/runtime';
import { ChannelTable } from '../room/channel-table.js';
import { FakeConnection } from '../session/connection.contract.js';
import { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import { Registrar } from './registrar.js';
import { RoomCounts } from './room-counts.js';

async function setup() {
  const clock = new ManualClock();
  const registry = createMemoryRegistry(clock);
  const node = nodeRef('g1', 1);
  const at = { host: 'h', port: 1, address: '', region: '', startedAtMs: 0 };
  const load = { connections: 0, users: 0, rooms: 0 };
  await registry.nodes.renew(
    { kind: 'gateway', id: 'g1', incarnation: 1, state: 'serving', ...at, ...load },
    600_000_000,
  );
  const registrar = new Registrar(registry.presence, () => node, clock, silentLog);
  const counts = new RoomCounts(registry.census, () => node, clock, silentLog);
  const sessions = new SessionTable();
  const channels = new ChannelTable(
    (local, present) => registrar.tell(local, present),
    (local) => counts.touch(local),
  );
  const enter = (...rooms: string[]): Session => {
    const session = sessions.add(new FakeConnection());
    session.app = 'default';
    for (const room of rooms) channels.join(session, `room:${room}`);
    return session;
  };
  const leave = (session: Session) => {
    for (const local of channels.channelsOf(session)) channels.leave(session, local);
  };
  const sizes = (...rooms: string[]) => registry.census.sizes('default', rooms);
  const reports: number[] = [];
  const { census } = registry;
  const report = census.report.bind(census);
  census.report = (ref, rooms) => {
    reports.push(rooms.length);
    return report(ref, rooms);
  };
  return { clock, census, registry, registrar, counts, channels, enter, leave, sizes, reports, node };
}

describe('RoomCounts', () => {
  it('tells once a second what changed, and nothing when nothing did', async () => {
    const { clock, counts, enter, leave, registrar, reports, sizes } = await setup();
    counts.start();
    const [one] = [enter('a', 'b'), enter('a'), enter('a')];
    await registrar.settled();
    expect(await sizes('a', 'b')).toEqual([1, 1]);
    clock.advance(1_000);
    await counts.tell();
    expect(await sizes('a', 'b')).toEqual([3, 1]);
    leave(one);
    await registrar.settled();
    clock.advance(1_000);
    await counts.tell();
    expect(await sizes('a', 'b')).toEqual([2, 0]);
    const before = reports.length;
    clock.advance(5_000);
    expect(reports).toHaveLength(before);
    enter('a');
    counts.stop();
    clock.advance(5_000);
    expect(reports).toHaveLength(before);
  });

  it('waits for the registry to know of the room', async () => {
    const { counts, enter, registrar, sizes } = await setup();
    enter('a');
    enter('a');
    await counts.tell();
    expect(await sizes('a')).toEqual([0]);
    await registrar.settled();
    await counts.tell();
    expect(await sizes('a')).toEqual([2]);
  });

  it('counts a room anew that went and came back before the registry heard of it', async () => {
    const { counts, enter, leave, registrar, sizes } = await setup();
    const first = [enter('a'), enter('a'), enter('a')];
    await registrar.settled();
    await counts.tell();
    for (const session of first) leave(session);
    enter('a');
    await registrar.settled();
    await counts.tell();
    expect(await sizes('a')).toEqual([1]);
  });

  it('tries again what was not written', async () => {
    const { census, counts, enter, registrar, sizes } = await setup();
    enter('a');
    enter('a');
    await registrar.settled();
    const report = census.report.bind(census);
    census.report = () => Promise.reject(new Error('away'));
    await counts.tell();
    expect(await sizes('a')).toEqual([1]);
    census.report = report;
    await counts.tell();
    expect(await sizes('a')).toEqual([2]);
  });

  it('tells everything again when the registry had lost it', async () => {
    const { channels, counts, enter, node, registrar, registry, sizes } = await setup();
    enter('a');
    enter('a', 'b');
    await registrar.settled();
    await counts.tell();
    await registry.presence.apply(
      node,
      ['a', 'b'].map((room) => ({ kind: 'room', key: `default/${room}`, present: false })),
    );
    expect(await sizes('a', 'b')).toEqual([0, 0]);
    registrar.assertAll(channels);
    counts.assertAll(channels);
    await registrar.settled();
    await counts.tell();
    expect(await sizes('a', 'b')).toEqual([2, 1]);
  });

  it('tells of thousands of rooms a few hundred at a time', async () => {
    const { counts, enter, registrar, reports, sizes } = await setup();
    for (let i = 0; i < 1_100; i += 1) enter(`r${i}`);
    enter('r1099');
    await registrar.settled();
    await counts.tell();
    expect(reports).toEqual([250, 250, 250, 250, 100]);
    expect(await sizes('r0', 'r1099')).toEqual([1, 2]);
  });
});
