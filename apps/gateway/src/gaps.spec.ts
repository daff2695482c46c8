import { roomChannel } from '@app/protocol';
import { until } from '../../../test/support/until.js';
import { holdCalls, openRig } from './gateway-rig.contract.js';

const room = roomChannel('r');

async function rigWithTwo() {
  const rig = await openRig();
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
    await rig.fanout.catchUp();
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
    await rig.fanout.catchUp();
    read.letGo();
    await until(() => ann.connection.pushed.length === 4);
    expect(ann.connection.pushed).toEqual([0, 1, 2, 'not routed here']);
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
});
