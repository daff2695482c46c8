import { placeOf } from '@app/history';
import { defaultApp, roomChannel, type Position, type Welcome } from '@app/protocol';
import { until } from '../../../test/support/until.js';
import { holdCalls, openRig, turns } from './gateway-rig.contract.js';

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

describe('history without an epoch', () => {
  const passes = async (rig: Awaited<ReturnType<typeof open>>, ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      rig.clock.advance(100);
      await turns();
    }
  };

  it('is waited for: who comes before a job has looked is told a position of the epoch that it makes', async () => {
    const rig = await open();
    const current = rig.history.currentEpoch.bind(rig.history);
    const tops = rig.history.tops.bind(rig.history);
    const since: [string, Position][] = [[room, { epoch: rig.epochName, offset: 3 }]];
    rig.history.currentEpoch = () => Promise.resolve(undefined); // emptied
    rig.history.tops = (_, channels) =>
      Promise.resolve(channels.map(() => ({ epoch: '', offset: -1, floor: -1, seen: -1 })));
    const ann = rig.connect({ rooms: ['r'], since });
    const bob = rig.connect({ rooms: ['r'] });
    await passes(rig, 1_000);
    expect(ann.connection.packets).toEqual([]);
    await rig.renew();
    Object.assign(rig.history, { currentEpoch: current, tops });
    await passes(rig, 100);
    await Promise.all([ann.arrived, bob.arrived]);
    const now = await rig.history.currentEpoch();
    expect(now).not.toBe(rig.epochName);
    const placesOf = ({ connection }: typeof ann) =>
      (connection.packets[0] as unknown as { data: Welcome }).data.channels;
    expect(placesOf(ann)[room]).toEqual({ epoch: now, offset: -1, recovered: false });
    expect(placesOf(bob)[room]).toEqual({ epoch: now, offset: -1 });
    await rig.pushAnew('first');
    expect(ann.connection.pushed).toEqual(['first']);
    expect(ann.connection.closedWith).toBeUndefined();
  });

  it('keeps nobody out for long, and nobody waits again until it has had one', async () => {
    const rig = await open();
    const current = rig.history.currentEpoch.bind(rig.history);
    let looks = 0;
    const none = () => Promise.resolve(((looks += 1), undefined));
    rig.history.currentEpoch = none;
    const ann = rig.connect();
    await passes(rig, 5_200);
    await ann.arrived;
    expect(ann.connection.packets).toMatchObject([{ type: 100 }]);
    const before = looks;
    await rig.connect().arrived;
    expect(looks).toBe(before + 1);

    rig.history.currentEpoch = current;
    await rig.connect().arrived;
    rig.history.currentEpoch = none;
    const last = rig.connect();
    await passes(rig, 1_000);
    expect(last.connection.packets).toEqual([]);
    rig.history.currentEpoch = current;
    await passes(rig, 100);
    await last.arrived;
  });
});
