import { placeOf } from '@app/history';
import { defaultApp, roomChannel, type Welcome } from '@app/protocol';
import { until } from '../../../test/support/until.js';
import { holdCalls, openRig } from './gateway-rig.contract.js';

const room = roomChannel('r');

/** A gateway whose bus begins anew: `renew` makes the epoch, `pushAnew` pushes in it, from offset 0. */
async function open() {
  const rig = await openRig();
  let owner = { shard: 0, epoch: rig.epochName, ownerEpoch: 1 };
  let offset = -1;
  const renew = async () => {
    owner = { ...owner, epoch: await rig.history.renewEpoch('life', owner.epoch) };
    await rig.history.claim(owner);
  };
  const pushAnew = async (data: unknown) => {
    offset += 1;
    const id = `new-${offset}`;
    const body = rig.bodyOf(data, id);
    const targets = [{ channel: room, devices: [] }];
    const record = { offset, app: defaultApp, id, part: 0, retain: true, expiresAtMs: 0, targets, body };
    const [kept] = await rig.history.append(owner, [record]);
    if (kept === 'duplicate') throw new Error('appended twice');
    const steps = [{ channel: room, devices: [], ...placeOf(kept![0]!) }];
    await rig.deliver([{ offset, steps, body, app: defaultApp, rate: 0 }], { epoch: owner.epoch });
  };
  return { ...rig, renew, pushAnew };
}

describe('offsets that begin again', () => {
  it('while a session arrives: what was held in the epoch before hides nothing of the new one', async () => {
    const rig = await open();
    const bob = rig.connect({ rooms: ['r'] });
    await bob.arrived;
    for (let n = 0; n < 5; n += 1) await rig.push([room], n);
    const tops = holdCalls(rig.history, 'tops');
    const ann = rig.connect({ rooms: ['r'] });
    await until(() => tops.calls() === 1);
    await rig.push([room], 'held');
    await rig.renew();
    await rig.pushAnew('first');
    tops.letGo();
    await ann.arrived;
    const cat = rig.connect({ rooms: ['r'] });
    await cat.arrived;
    await rig.pushAnew('second');
    await rig.pushAnew('third');
    expect(bob.connection.closedWith).toBe(4410);
    const [welcome] = ann.connection.packets as unknown as [{ data: Welcome }];
    expect(welcome.data.channels[room]).toEqual({ epoch: rig.epoch.value, offset: 0 });
    expect(ann.connection.pushed).toEqual(['second', 'third']);
    expect(cat.connection.pushed).toEqual(['second', 'third']);
    expect(await rig.dropped('replay', 'epoch')).toBe(1);
  });

  it('between the two looks at history: nobody is welcomed as if nothing had been asked', async () => {
    const rig = await open();
    for (let n = 0; n < 5; n += 1) await rig.push([room], n);
    const read = holdCalls(rig.history, 'read');
    const ann = rig.connect({ rooms: ['r'], since: [[room, { epoch: rig.epochName, offset: 1 }]] });
    await until(() => read.calls() === 1);
    await rig.renew();
    read.letGo();
    await ann.arrived;
    const [welcome] = ann.connection.packets as unknown as [{ data: Welcome }];
    expect(welcome.data.channels[room]).toMatchObject({ offset: 4, recovered: false });
    await rig.pushAnew('first');
    expect(ann.connection.closedWith).toBe(4410);
  });
});
