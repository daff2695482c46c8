import { allChannel, roomChannel, type Position } from '@app/protocol';
import { notRetained, type Delivery } from '@app/protocol/wires';
import { until } from '../../../test/support/until.js';
import { holdCalls, openRig, turns, type Rig } from './gateway-rig.contract.js';

const room = roomChannel('r');
const ttlMs = 1_000;

/** A rig with one member of the room, and a moment at which things come to their end. */
async function open() {
  const rig = await openRig();
  const ann = rig.connect({ rooms: ['r'] });
  await ann.arrived;
  await rig.push([room], 0);
  const expiresAtMs = rig.clock.now() + ttlMs;
  const since: [string, Position][] = [[room, { epoch: rig.epochName, offset: 0 }]];
  return { rig, ann, expiresAtMs, since };
}

const last = (rig: Rig) => rig.channels.get('default', room)!.last;

/** As job makes it for a connection. */
const toConnection = async (rig: Rig, id: string, data: unknown, expiresAtMs: number): Promise<Delivery> => {
  const delivery = await rig.append([room], data, { expiresAtMs, retain: false });
  return { ...delivery, steps: [{ channel: `connection:${id}`, devices: [], prev: notRetained }] };
};

describe('what has expired', () => {
  it('is not sent when it comes late, and has its place in the channel all the same', async () => {
    const { rig, ann, expiresAtMs } = await open();
    const late = await rig.append([room], 'late', { expiresAtMs });
    const next = await rig.append([room], 'next');
    rig.clock.advance(ttlMs);
    const read = holdCalls(rig.history, 'read');
    await rig.deliver([late]);
    expect(last(rig)).toBe(1);
    await rig.deliver([next]);
    expect(ann.connection.pushed).toEqual([0, 'next']);
    expect(read.calls()).toBe(0);
    expect(await rig.dropped('fanout', 'expired')).toBe(1);
  });

  it('is sent until its last millisecond', async () => {
    const { rig, ann, expiresAtMs } = await open();
    const one = await rig.append([room], 'in time', { expiresAtMs });
    rig.clock.advance(ttlMs - 1);
    await rig.deliver([one]);
    expect(ann.connection.pushed).toEqual([0, 'in time']);
  });

  it('is not sent when it waited for a replay to be done', async () => {
    const { rig, expiresAtMs, since } = await open();
    await rig.push([room], 'missed');
    const read = holdCalls(rig.history, 'read', 'answer');
    const bob = rig.connect({ rooms: ['r'], since });
    await until(() => read.calls() === 1);
    await turns(1);
    await rig.push([room], 'held', { expiresAtMs });
    await rig.push([room], 'held too', { expiresAtMs, retain: false });
    const id = rig.sessions.connectionIdOf(bob.session);
    await rig.deliver([await toConnection(rig, id, 'to bob', expiresAtMs)]);
    await rig.push([room], 'behind');
    rig.clock.advance(ttlMs);
    read.letGo();
    await bob.arrived;
    expect(bob.connection.pushed).toEqual(['missed', 'behind']);
    expect(await rig.dropped('replay', 'expired')).toBe(3);
    expect(bob.session.held).toBeNull();
  });

  it('is not sent when it was read from history and waited for its turn', async () => {
    const { rig, expiresAtMs, since } = await open();
    await rig.push([room], 'missed', { expiresAtMs });
    await rig.push([room], 'missed too');
    const read = holdCalls(rig.history, 'read', 'answer');
    const bob = rig.connect({ rooms: ['r'], since });
    await until(() => read.calls() === 1);
    await turns(1);
    rig.clock.advance(ttlMs);
    read.letGo();
    await bob.arrived;
    expect(bob.connection.pushed).toEqual(['missed too']);
    expect(await rig.dropped('replay', 'expired')).toBe(1);
  });

  it('is left out of history, and nobody missed anything', async () => {
    const { rig, expiresAtMs, since } = await open();
    await rig.push([room], 'missed', { expiresAtMs });
    rig.clock.advance(ttlMs);
    const bob = rig.connect({ rooms: ['r'], since });
    await bob.arrived;
    expect(bob.connection.pushed).toEqual([]);
    expect(bob.connection.packets[0]).toMatchObject({ data: { channels: { [room]: { recovered: true } } } });
  });

  it('is not sent when it filled a gap, or waited behind one', async () => {
    const { rig, ann, expiresAtMs } = await open();
    const read = holdCalls(rig.history, 'read', 'answer');
    await rig.append([room], 'lost', { expiresAtMs });
    await rig.append([room], 'lost too');
    await rig.push([room], 'behind', { expiresAtMs });
    await rig.push([room], 'last');
    await until(() => read.calls() === 1);
    await turns(1);
    rig.clock.advance(ttlMs);
    read.letGo();
    await until(() => ann.connection.pushed.includes('last'));
    expect(ann.connection.pushed).toEqual([0, 'lost too', 'last']);
    expect(await rig.dropped('fanout', 'expired')).toBe(2);
    expect(last(rig)).toBe(4);
  });

  it('is not sent when it waited behind a paced push', async () => {
    const { rig, ann, expiresAtMs } = await open();
    const bob = rig.connect();
    await bob.arrived;
    await rig.deliver([{ ...(await rig.append([allChannel], 'slow')), rate: 1 }]);
    await rig.push([allChannel], 'behind', { expiresAtMs });
    await rig.push([allChannel], 'last');
    rig.clock.advance(2 * ttlMs);
    await rig.outboxes.afterFlush();
    expect(ann.connection.pushed).toEqual([0, 'slow', 'last']);
    expect(bob.connection.pushed).toEqual(['slow', 'last']);
    expect(await rig.dropped('fanout', 'expired')).toBe(1);
  });

  it('is not sent to a connection either', async () => {
    const { rig, ann, expiresAtMs } = await open();
    const delivery = await toConnection(rig, rig.sessions.connectionIdOf(ann.session), 'to ann', expiresAtMs);
    rig.clock.advance(ttlMs);
    await rig.deliver([delivery]);
    expect(ann.connection.pushed).toEqual([0]);
    expect(await rig.dropped('fanout', 'expired')).toBe(1);
  });

  it('cannot wait in an outbox: what is given to one is with the kernel at the end of the tick', async () => {
    const { rig, ann, expiresAtMs } = await open();
    ann.connection.isSlow = true;
    await rig.push([room], 'in time', { expiresAtMs });
    rig.clock.advance(ttlMs);
    expect(ann.session.pending).toBeNull();
    expect(ann.connection.pushed).toEqual([0, 'in time']);
  });
});
