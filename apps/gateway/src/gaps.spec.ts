import { roomChannel, type Position } from '@app/protocol';
import { until } from '../../../test/support/until.js';
import { holdCalls, openRig, textsOf, turns, type Rig } from './gateway-rig.contract.js';

const room = roomChannel('r');

async function rigWithTwo(options: Parameters<typeof openRig>[0] = {}) {
  const rig = await openRig(options);
  const ann = rig.connect({ rooms: ['r'] });
  const bob = rig.connect({ rooms: ['r'] });
  await Promise.all([ann.arrived, bob.arrived]);
  await rig.push([room], 0);
  return { rig, ann, bob };
}

describe('a gap in a channel', () => {
  it('is filled from history with one read, newer ones wait, and all come in order', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    await rig.append([room], 1); // lost on its way
    await rig.append([room], 2);
    await rig.push([room], 3);
    await rig.push([room], 4);
    await rig.push([room], 'not kept', { retain: false });
    await until(() => read.calls() === 1);
    expect(ann.connection.pushed).toEqual([0]);
    read.letGo();
    await until(() => ann.connection.pushed.length > 1);
    await rig.push([room], 5);
    for (const { connection } of [ann, bob]) expect(connection.pushed).toEqual([0, 1, 2, 3, 4, 'not kept', 5]);
    expect(read.calls()).toBe(1);
  });

  it('does not hold other channels up', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    await rig.append([room], 1);
    await rig.push([room], 2);
    await rig.push(['all'], 'to all');
    expect(ann.connection.pushed).toEqual([0, 'to all']);
    read.letGo();
    await until(() => ann.connection.pushed.length === 4);
  });

  it('closes the sessions of the channel 4410 when history no longer holds it', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    const elsewhere = rig.connect();
    await elsewhere.arrived;
    for (let i = 0; i < 101; i += 1) await rig.append([room], i);
    await rig.push([room], 'last');
    await until(() => ann.connection.closedWith !== undefined);
    expect([ann, bob, elsewhere].map(({ connection }) => connection.closedWith)).toEqual([4410, 4410, undefined]);
  });

  it('is tried again until history answers', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = rig.history.read.bind(rig.history);
    let failures = 0;
    rig.history.read = () => Promise.reject(new Error(`away ${(failures += 1)}`));
    await rig.append([room], 1);
    await rig.push([room], 2);
    await until(() => failures === 1);
    rig.history.read = read;
    await until(() => {
      rig.clock.advance(100);
      return ann.connection.pushed.length === 3;
    });
    expect(ann.connection.pushed).toEqual([0, 1, 2]);
  });

  it('gives a newcomer of these moments everything once', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    await rig.append([room], 1);
    await rig.push([room], 2);
    const cid = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: 0 }]] });
    await until(() => read.calls() === 2);
    await rig.push([room], 3);
    read.letGo();
    await cid.arrived;
    await until(() => ann.connection.pushed.length === 4);
    await rig.push([room], 4);
    expect(cid.connection.pushed).toEqual([1, 2, 3, 4]);
    expect(ann.connection.pushed).toEqual([0, 1, 2, 3, 4]);
  });

  it('is looked for in all channels when the registry had lost this node', async () => {
    const { rig, ann } = await rigWithTwo();
    await rig.append([room], 'not routed here');
    await rig.catchUp();
    await until(() => ann.connection.pushed.length === 2);
    await rig.push([room], 'next');
    expect(ann.connection.pushed).toEqual([0, 'not routed here', 'next']);
  });

  it('is looked for once more in a channel that was being repaired when all were compared', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    await rig.append([room], 1);
    await rig.push([room], 2);
    await until(() => read.calls() === 1);
    await rig.append([room], 'not routed here');
    await rig.catchUp(); // waits for the repair
    read.letGo();
    await until(() => ann.connection.pushed.length === 3);
    rig.clock.advance(1_000);
    await until(() => ann.connection.pushed.length === 4);
    expect(ann.connection.pushed).toEqual([0, 1, 2, 'not routed here']);
  });

  it('is found when what came before comes again, because history had come back without it', async () => {
    const rig = await openRig();
    await rig.push([room], 0);
    const lost = await rig.append([room], 1);
    await rig.deliver([lost]); // to nobody here
    const tops = rig.history.tops.bind(rig.history);
    const stands = (channel: string) => {
      const offset = channel === room ? 0 : -1;
      return { epoch: rig.epochName, offset, floor: -1, seen: offset };
    };
    rig.history.tops = (_, channels) => Promise.resolve(channels.map(stands));
    const ann = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: 0 }]] });
    await ann.arrived;
    expect(ann.connection.pushed).toEqual([]);
    rig.history.tops = tops;
    await rig.deliver([lost]);
    await until(() => ann.connection.pushed.length === 1);
    await rig.deliver([lost]);
    await rig.push([room], 2);
    expect(ann.connection.pushed).toEqual([1, 2]);
  });

  it('is none in a channel of which nothing was known', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    const read = holdCalls(rig.history, 'read');
    await rig.push([room], 'first');
    await rig.push([room], 'second');
    expect(ann.connection.pushed).toEqual(['first', 'second']);
    expect(read.calls()).toBe(0);
  });

  it('closes its sessions when what is missing was lost by the store, none of it in silence', async () => {
    const { rig, ann } = await rigWithTwo();
    const [lost, next] = [await rig.append([room], 1), await rig.append([room], 2)];
    rig.history.read = () => Promise.resolve({ epoch: rig.epochName, entries: [], top: 0, recovered: true });
    await rig.deliver([{ ...next, steps: [{ ...next.steps[0]!, prev: lost.offset }] }]);
    await until(() => ann.connection.closedWith !== undefined);
    expect(ann.connection.closedWith).toBe(4410);
  });

  it('is none to close for when all that is missing has expired', async () => {
    const { rig, ann } = await rigWithTwo();
    await rig.append([room], 1, { expiresAtMs: rig.clock.now() + 100 });
    rig.clock.advance(100);
    await rig.push([room], 2);
    await until(() => ann.connection.pushed.length === 2);
    await rig.push([room], 3);
    expect(ann.connection.pushed).toEqual([0, 2, 3]);
    expect(ann.connection.closedWith).toBeUndefined();
    expect(rig.channels.get('default', room)!.last).toBe(3);
  });

  it('brings to each only what is meant for it, also when that is nothing', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    ann.session.user = 'ann';
    ann.session.labels = { p: 'ios' };
    await rig.append([room], 'not for ann', { excludeUsers: ['ann'] });
    await rig.append([room], 'for nobody', { match: 'p=tv' });
    await rig.append([room], 'for ios', { match: 'p=ios' });
    await rig.push([room], 'next');
    await until(() => bob.connection.pushed.includes('next'));
    expect(ann.connection.pushed).toEqual([0, 'for ios', 'next']);
    expect(bob.connection.pushed).toEqual([0, 'not for ann', 'next']);
    expect(rig.channels.get('default', room)!.last).toBe(4);
  });

  it('is of no concern to whom history is being read for: each gets all once', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read', 'answer');
    const since = [[room, { epoch: rig.epochName, offset: -1 }]] as [string, { epoch: string; offset: number }][];
    const cid = rig.connect({ rooms: ['r'], since });
    await until(() => read.calls() === 1); // has read before what follows
    await rig.append([room], 1);
    await rig.push([room], 2);
    await until(() => read.calls() === 2);
    read.letGo();
    await cid.arrived;
    await until(() => ann.connection.pushed.length === 3);
    await rig.push([room], 3);
    for (const { connection } of [ann, cid]) expect(connection.pushed).toEqual([0, 1, 2, 3]);
    expect(cid.session.held).toBeNull();
  });

  it('ends where positions begin again: what comes then waits for nothing of before', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    await rig.append([room], 1);
    await rig.push([room], 2);
    await until(() => read.calls() === 1);
    read.stop();
    const renewed = await rig.history.renewEpoch('life', rig.epochName);
    await rig.deliver([], { epoch: renewed });
    expect(ann.connection.closedWith).toBe(4410);
    const cid = rig.connect({ rooms: ['r'] });
    await cid.arrived;
    const delivery = await rig.append([room], 'new', { retain: false });
    const steps = delivery.steps.map(({ channel, devices, prev }) => ({ channel, devices, prev }));
    await rig.deliver([{ ...delivery, offset: 0, steps }], { epoch: renewed });
    expect(cid.connection.pushed).toEqual(['new']);
    expect(await rig.dropped('fanout', 'gap')).toBe(1);
    read.letGo();
    await turns();
    expect(cid.connection.pushed).toEqual(['new']);
  });

  it('holds back no more than the bounds, of one channel and of all', async () => {
    for (const limits of [
      { bytesOfOne: 200, bytesOfAll: 1_000_000, reads: 32 },
      { bytesOfOne: 1_000_000, bytesOfAll: 200, reads: 32 },
    ]) {
      const { rig, ann } = await rigWithTwo({ limits });
      const read = holdCalls(rig.history, 'read');
      await rig.append([room], 1);
      for (let n = 0; ann.connection.closedWith === undefined; n += 1) {
        if (n === 100) throw new Error('never closed');
        await rig.push([room], 'x'.repeat(20));
      }
      expect(ann.connection.closedWith).toBe(4410);
      expect(await rig.dropped('fanout', 'gap')).toBeGreaterThan(1);
      read.letGo();
      await turns();
      expect(ann.connection.pushed).toEqual([0]);
    }
  });

  it('is given up when nobody is left in the channel', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    const failing = failReads(rig);
    await rig.append([room], 1);
    await rig.push([room], 2);
    await until(() => failing.calls() === 1);
    rig.leave(ann.session);
    rig.leave(bob.session);
    await passes(rig, 60_000);
    expect(failing.calls()).toBe(1);
    expect(await rig.dropped('fanout', 'left')).toBe(1);
  });

  it('is given up, and counted, when the process ends', async () => {
    const { rig } = await rigWithTwo();
    const failing = failReads(rig);
    await rig.append([room], 1);
    await rig.push([room], 2);
    await until(() => failing.calls() === 1);
    rig.repair.stop();
    await passes(rig, 60_000);
    expect(failing.calls()).toBe(1);
    expect(await rig.dropped('fanout', 'shutdown')).toBe(1);
  });

  it('may be in thousands of channels at once: few are read at a time, all come in order', async () => {
    const rig = await openRig();
    const rooms = Array.from({ length: 3_000 }, (_, n) => `r${n}`);
    const ann = rig.connect({ rooms });
    await ann.arrived;
    const channels = rooms.map(roomChannel);
    await rig.push(channels, 0);
    await rig.append(channels, 1);
    const read = rig.history.read.bind(rig.history);
    let [now, most] = [0, 0];
    rig.history.read = async (...args) => {
      most = Math.max(most, (now += 1));
      await turns(1);
      now -= 1;
      return read(...args);
    };
    await rig.push(channels, 2);
    const texts = () => textsOf(Buffer.concat(ann.connection.writes)).slice(1);
    await until(() => texts().length === 9_000);
    expect(most).toBe(32);
    const byRoom = new Map<string, unknown[]>();
    for (const text of texts()) {
      const { channel, data } = JSON.parse(text) as { channel: string; data: unknown };
      byRoom.set(channel, [...(byRoom.get(channel) ?? []), data]);
    }
    expect([...byRoom.values()].every((got) => got.join() === '0,1,2')).toBe(true);
  });
});

describe('a comparison with history', () => {
  it('is asked for by an empty batch, and finds what nothing comes after', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    await rig.append([room], 1);
    await rig.append([room], 2);
    await rig.deliver([]);
    await turns();
    expect(ann.connection.pushed).toEqual([0]);
    rig.clock.advance(1_000);
    await until(() => ann.connection.pushed.length === 3);
    for (const { connection } of [ann, bob]) expect(connection.pushed).toEqual([0, 1, 2]);
    await rig.push([room], 3);
    expect(ann.connection.pushed).toEqual([0, 1, 2, 3]);
  });

  it('does not overtake what is on its way', async () => {
    const { rig, ann } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    const unkept = await rig.append([room], 'not kept', { retain: false });
    const kept = await rig.append([room], 'kept');
    await rig.deliver([]);
    await turns();
    await rig.deliver([unkept, kept]);
    rig.clock.advance(10_000);
    await turns();
    expect(ann.connection.pushed).toEqual([0, 'not kept', 'kept']);
    expect(read.calls()).toBe(0);
  });

  it('comes before what is not kept, which may have come over a lane that lost something', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    await rig.append([room], 1); // these two were kept from us
    await rig.append([room], 2);
    // One who had them by replay must not have them again.
    const since: [string, Position][] = [['room:r', { epoch: rig.epochName, offset: 0 }]];
    const eve = rig.connect({ rooms: ['r'], since });
    await eve.arrived;
    await rig.deliver([]);
    await rig.push([room], 'not kept', { retain: false });
    await until(() => ann.connection.pushed.length === 4);
    for (const { connection } of [ann, bob]) expect(connection.pushed).toEqual([0, 1, 2, 'not kept']);
    expect(eve.connection.pushed).toEqual([1, 2, 'not kept']);
    await rig.push([room], 3);
    expect([ann, bob, eve].map(({ connection }) => connection.pushed.at(-1))).toEqual([3, 3, 3]);
  });

  it('is not needed for what is not kept: it says behind which kept one it comes', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    const lost = await rig.append([room], 1);
    await rig.push([room], 'not kept', { retain: false });
    await until(() => ann.connection.pushed.length === 3);
    for (const { connection } of [ann, bob]) expect(connection.pushed).toEqual([0, 1, 'not kept']);
    await rig.deliver([lost], { shard: 1 }); // late, by another lane
    expect(ann.connection.pushed).toEqual([0, 1, 'not kept']);
  });

  it('gives nobody again what is not kept and came later here than where it was seen', async () => {
    const { rig } = await rigWithTwo();
    const slow = await rig.append([room], 'not kept', { retain: false });
    const since: [string, Position][] = [['room:r', { epoch: rig.epochName, offset: slow.offset }]];
    const eve = rig.connect({ rooms: ['r'], since });
    await eve.arrived;
    await rig.deliver([slow]);
    await rig.push([room], 'next', { retain: false });
    await rig.push([room], 'kept');
    expect(eve.connection.pushed).toEqual(['next', 'kept']);
  });

  it('closes nobody in a channel of which nothing was ever kept', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    await rig.push([room], 1, { retain: false });
    await rig.deliver([]);
    await rig.push([room], 2, { retain: false });
    await until(() => ann.connection.pushed.length === 2);
    await rig.push([room], 3, { retain: false });
    expect(ann.connection.pushed).toEqual([1, 2, 3]);
    expect(ann.connection.closedWith).toBeUndefined();
  });

  it('is made once more when it is asked for meanwhile, however often', async () => {
    const { rig, ann } = await rigWithTwo();
    const tops = holdCalls(rig.history, 'tops', 'answer');
    await rig.deliver([]);
    await until(() => tops.calls() === 1);
    await rig.append([room], 1);
    for (let n = 0; n < 10; n += 1) await rig.deliver([]);
    tops.letGo();
    await turns();
    expect(tops.calls()).toBe(2);
    rig.clock.advance(1_000);
    await until(() => ann.connection.pushed.length === 2);
  });

  it('is tried until history answers, in pipelines of bounded size, and ends with the process', async () => {
    const rig = await openRig();
    const rooms = Array.from({ length: 1_200 }, (_, n) => `r${n}`);
    await rig.connect({ rooms }).arrived;
    const tops = rig.history.tops.bind(rig.history);
    const asked: number[] = [];
    let isAway = true;
    rig.history.tops = (app, channels) => {
      asked.push(channels.length);
      return isAway ? Promise.reject(new Error('away')) : tops(app, channels);
    };
    await rig.deliver([]);
    await passes(rig, 5_000);
    expect(asked.length).toBeGreaterThan(1);
    isAway = false;
    asked.length = 0;
    await passes(rig, 5_000);
    expect(asked).toEqual([500, 500, 201]);
    isAway = true;
    await rig.deliver([]);
    await turns();
    rig.comparison.stop();
    asked.length = 0;
    await passes(rig, 60_000);
    expect(asked).toEqual([]);
  });

  it('leaves alone who knows no position, and channels that everybody left meanwhile', async () => {
    const { rig, ann, bob } = await rigWithTwo();
    const read = holdCalls(rig.history, 'read');
    await rig.append([room], 1);
    await rig.deliver([]);
    await turns();
    rig.leave(ann.session);
    rig.leave(bob.session);
    rig.clock.advance(1_000);
    await turns();
    expect(read.calls()).toBe(0);
  });
});

/** Lets time pass in small steps, and what it brings happen. */
async function passes(rig: Rig, ms: number): Promise<void> {
  for (let step = 0; step < 20; step += 1) {
    rig.clock.advance(ms / 20);
    await turns();
  }
}

/** History that is away. */
function failReads(rig: Rig) {
  let calls = 0;
  rig.history.read = () => {
    calls += 1;
    return Promise.reject(new Error('away'));
  };
  return { calls: () => calls };
}
