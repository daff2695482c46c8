import { roomChannel } from '@app/protocol';
import { Refusal } from '@app/protocol/wires';
import { holdCalls, openRig } from './gateway-rig.contract.js';
import { Message } from './room/message.js';

const room = roomChannel('r');

async function rigWithAnn() {
  const rig = await openRig();
  const ann = rig.connect({ rooms: ['r'] });
  await ann.arrived;
  return { rig, ann };
}

describe('a lane', () => {
  it('skips what was taken, also from another owner and without history', async () => {
    const { rig, ann } = await rigWithAnn();
    const [one, two, three] = [
      await rig.append([room], 1, { retain: false }),
      await rig.append([room], 2, { retain: false }),
      await rig.append([room], 3, { retain: false }),
    ];
    await rig.deliver([one, two]);
    const ack = await rig.deliver([one, two, three], { ownerEpoch: 2 });
    expect(ack).toMatchObject({ taken: 2, refused: Refusal.none });
    expect(ann.connection.pushed).toEqual([1, 2, 3]);
    expect(await rig.dropped('lane', 'repeated')).toBe(2);
  });

  it('refuses a ghost owner', async () => {
    const { rig, ann } = await rigWithAnn();
    await rig.deliver([await rig.append([room], 1)], { ownerEpoch: 5 });
    const ack = await rig.deliver([await rig.append([room], 2)], { ownerEpoch: 4 });
    expect(ack).toEqual({ taken: 0, refused: Refusal.ghostOwner, gone: [] });
    expect(ann.connection.pushed).toEqual([1]);
  });

  it('keeps each shard apart', async () => {
    const { rig } = await rigWithAnn();
    await rig.deliver([await rig.append([room], 1)], { ownerEpoch: 5 });
    const ack = await rig.deliver([await rig.append([roomChannel('s')], 2)], { shard: 1, ownerEpoch: 1 });
    expect(ack.refused).toBe(Refusal.none);
  });

  it('refuses what is meant for another life of this node', async () => {
    const { rig, ann } = await rigWithAnn();
    const ack = await rig.deliver([await rig.append([room], 1)], { incarnation: 'g1~0' });
    expect(ack.refused).toBe(Refusal.otherIncarnation);
    expect(ann.connection.pushed).toEqual([]);
  });

  it('refuses another epoch than the current one', async () => {
    const { rig, ann } = await rigWithAnn();
    const ack = await rig.deliver([await rig.append([room], 1)], { epoch: 'gone' });
    expect(ack.refused).toBe(Refusal.otherEpoch);
    expect(ann.connection.closedWith).toBeUndefined();
  });

  it('adopts a new epoch, counts its offsets anew and closes who has positions of the old one', async () => {
    const { rig, ann } = await rigWithAnn();
    await rig.deliver([await rig.append([room], 1), await rig.append([room], 2)], { ownerEpoch: 9 });
    const renewed = await rig.history.renewEpoch('life', rig.epochName);
    const first = { ...(await rig.append([room], 'new')), offset: 0 };
    const ack = await rig.deliver([first], { epoch: renewed, ownerEpoch: 1 });
    expect(ack).toMatchObject({ refused: Refusal.none, taken: 0 });
    expect(ann.connection.closedWith).toBe(4410);
    expect(rig.epoch.value).toBe(renewed);
  });

  it('hands the batches of a shard on in the order in which they came, even when the first must wait', async () => {
    const { rig, ann } = await rigWithAnn();
    const renewed = await rig.history.renewEpoch('life', rig.epochName);
    rig.leave(ann.session);
    const current = holdCalls(rig.history, 'currentEpoch');
    const one = { ...(await rig.append([room], 1, { retain: false })), offset: 0 };
    const two = { ...(await rig.append([room], 2, { retain: false })), offset: 1 };
    const acks = [rig.deliver([one], { epoch: renewed }), rig.deliver([two], { epoch: renewed })];
    current.letGo();
    expect((await Promise.all(acks)).map((ack) => ack.taken)).toEqual([0, 1]);
    expect(current.calls()).toBe(1); // the second asked nobody: it came after the first
  });

  it('keeps the order of batches that come in one tick', async () => {
    const { rig, ann } = await rigWithAnn();
    const deliveries = [];
    for (let i = 0; i < 20; i += 1) deliveries.push(await rig.append([room], i));
    await Promise.all(deliveries.map((delivery) => rig.deliver([delivery])));
    expect(ann.connection.pushed).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(ann.connection.writes).toHaveLength(2); // the welcome, and one write for the tick
  });

  it('acknowledges after the flush', async () => {
    const { rig, ann } = await rigWithAnn();
    const delivery = await rig.append([room], 1);
    let writesAtAck = 0;
    const acked = rig.deliver([delivery]).then(() => (writesAtAck = ann.connection.writes.length));
    await Promise.resolve();
    expect(ann.connection.writes).toHaveLength(1);
    await acked;
    expect(writesAtAck).toBe(2);
  });

  it('goes on after a batch that history could not judge', async () => {
    const { rig, ann } = await rigWithAnn();
    const currentEpoch = rig.history.currentEpoch.bind(rig.history);
    rig.history.currentEpoch = () => Promise.reject(new Error('history is away'));
    await expect(rig.deliver([], { epoch: 'unknown' })).rejects.toThrow('history is away');
    rig.history.currentEpoch = currentEpoch;
    await rig.push([room], 1);
    expect(ann.connection.pushed).toEqual([1]);
  });

  it('gives the rest of a batch to everybody else when one message cannot be given to one, who comes back for it', async () => {
    const { rig, ann } = await rigWithAnn();
    const bob = rig.connect({ rooms: ['r', 's'] });
    await bob.arrived;
    const types: number[] = [];
    ann.session.types = Object.assign(types, { includes: () => fail('types') });
    rig.channels.get('default', room)!.picky = 1;
    const batch = [
      await rig.append([room], 1),
      await rig.append([roomChannel('s')], 2),
      await rig.append([room], 3),
      await rig.append([`connection:${rig.sessions.connectionIdOf(ann.session)}`], 4),
      await rig.append([`connection:${rig.sessions.connectionIdOf(bob.session)}`], 5),
    ];
    expect(await rig.deliver(batch)).toMatchObject({ taken: 4, refused: Refusal.none });
    expect(bob.connection.pushed).toEqual([5, 1, 3, 2]);
    expect(ann.connection.pushed).toEqual([]);
    expect(ann.connection.closedWith).toBe(4410);
    expect(await rig.dropped('fanout', 'failed')).toBe(3);
  });

  it('goes on behind a message that can be given to nobody, and counts it', async () => {
    const { rig, ann } = await rigWithAnn();
    const batch = [await rig.append([room], 1), await rig.append([room], 2), await rig.append([room], 3)];
    const frame = jest.spyOn(Message.prototype, 'frame').mockImplementationOnce(() => fail('frame'));
    await rig.deliver(batch);
    frame.mockRestore();
    expect(ann.connection.pushed).toEqual([2, 3]);
    expect(await rig.dropped('fanout', 'failed')).toBe(1);
  });

  it('loses no other channel when one cannot be served at all, whose members come back', async () => {
    const { rig, ann } = await rigWithAnn();
    const bob = rig.connect({ rooms: ['s'] });
    await bob.arrived;
    const batch = [await rig.append([room], 1), await rig.append([room], 2), await rig.append([roomChannel('s')], 3)];
    const busy = jest.spyOn(rig.pacing, 'isBusy').mockImplementationOnce(() => fail('channel'));
    await rig.deliver(batch);
    busy.mockRestore();
    expect([ann.connection.closedWith, bob.connection.closedWith]).toEqual([4410, undefined]);
    expect(bob.connection.pushed).toEqual([3]);
    expect(await rig.dropped('fanout', 'failed')).toBe(2);
  });
});

function fail(what: string): never {
  throw new Error(`broken ${what}`);
}
