import { connectionChannel, roomChannel, userChannel } from '@app/protocol';
import { Encoding, Refusal } from '@app/protocol/wires';
import { openRig, textsOf } from './gateway-rig.contract.js';

const room = roomChannel('r');

describe('fan-out', () => {
  it('gives all members of a room the same Buffer', async () => {
    const rig = await openRig();
    const people = Array.from({ length: 5 }, () => rig.connect({ rooms: ['r'] }));
    await Promise.all(people.map(({ arrived }) => arrived));
    await rig.deliver([await rig.append([room], 1), await rig.append([room], 2)]);
    const [first, ...others] = people.map(({ connection }) => connection.writes.at(-1)!);
    expect(textsOf(first!)).toEqual([
      '{"type":0,"data":1,"id":"00000000000000000000000000","channel":"room:r","offset":0}',
      '{"type":0,"data":2,"id":"00000000000000000000000001","channel":"room:r","offset":1}',
    ]);
    for (const other of others) expect(other).toBe(first);
  });

  it('encodes a push to many users once', async () => {
    const rig = await openRig();
    const people = ['a', 'b', 'c'].map((user) => rig.connect({ user }));
    await Promise.all(people.map(({ arrived }) => arrived));
    await rig.push(['a', 'b', 'c'].map(userChannel), 'hello');
    const [first, ...others] = people.map(({ connection }) => connection.writes.at(-1)!);
    expect(textsOf(first!)).toEqual(['{"type":0,"data":"hello","id":"00000000000000000000000000","offset":0}']);
    for (const other of others) expect(other).toBe(first);
  });

  it('writes text as a JSON string and bytes as base64', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    await rig.push([room], null, { encoding: Encoding.text, payload: Buffer.from('say "hi"') });
    await rig.push([room], null, { encoding: Encoding.binary, payload: Buffer.from([0, 255]) });
    expect(ann.connection.packets.slice(1)).toMatchObject([{ data: 'say "hi"' }, { data: 'AP8=', encoding: 'base64' }]);
  });

  it('gives exactly type and data to who asked for minimal frames', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'], isMinimal: true });
    const bob = rig.connect({ rooms: ['r'] });
    await Promise.all([ann.arrived, bob.arrived]);
    await rig.push([room], 1, { type: 7 });
    expect(ann.connection.packets.at(-1)).toEqual({ type: 7, data: 1 });
    expect(bob.connection.packets.at(-1)).toMatchObject({ type: 7, data: 1, channel: room });
  });

  it('leaves out who is excluded, whose labels do not match and who wants other types', async () => {
    const rig = await openRig();
    const ann = rig.connect({ user: 'ann', rooms: ['r'], labels: { platform: 'ios' } });
    const bob = rig.connect({ user: 'bob', rooms: ['r'], labels: { platform: 'web' } });
    const cid = rig.connect({ user: 'cid', rooms: ['r'], types: [5], labels: { platform: 'ios', beta: '' } });
    await Promise.all([ann.arrived, bob.arrived, cid.arrived]);
    await rig.push([room], 'not ann', { excludeUsers: ['ann'], type: 5 });
    await rig.push([room], 'not bob', { excludeConnections: [rig.sessions.connectionIdOf(bob.session)] });
    await rig.push([room], 'ios, no beta', { match: 'platform=ios & !beta', type: 5 });
    await rig.push([room], 'nobody', { match: 'not an expression &', type: 5 });
    const got = ({ connection }: typeof ann) => connection.packets.slice(1).map((packet) => packet['data']);
    expect(got(ann)).toEqual(['not bob', 'ios, no beta']);
    expect(got(bob)).toEqual(['not ann']);
    expect(got(cid)).toEqual(['not ann']);
  });

  it('gives the first variant whose labels match', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'], labels: { lang: 'fr', beta: '' } });
    const bob = rig.connect({ rooms: ['r'] });
    await Promise.all([ann.arrived, bob.arrived]);
    const variants = [
      { match: 'lang=fr', encoding: Encoding.json, payload: Buffer.from('"salut"') },
      { match: 'beta', encoding: Encoding.json, payload: Buffer.from('"beta"') },
    ];
    await rig.push([room], 'hello', { variants });
    expect(ann.connection.pushed).toEqual(['salut']);
    expect(bob.connection.pushed).toEqual(['hello']);
  });

  it('applies filters again at a replay', async () => {
    const rig = await openRig();
    await rig.append([room], 'not ann', { excludeUsers: ['ann'] });
    await rig.append([room], 'all');
    const since = [[room, { epoch: rig.epochName, offset: -1 }]] as [string, { epoch: string; offset: number }][];
    const ann = rig.connect({ user: 'ann', rooms: ['r'], since });
    const bob = rig.connect({ user: 'bob', rooms: ['r'], since });
    await Promise.all([ann.arrived, bob.arrived]);
    expect(ann.connection.pushed).toEqual(['all']);
    expect(bob.connection.pushed).toEqual(['not ann', 'all']);
  });

  it('gives to the devices named only', async () => {
    const rig = await openRig();
    const phone = rig.connect({ user: 'ann', device: 'phone', connSeq: 1 });
    const tablet = rig.connect({ user: 'ann', device: 'tablet', connSeq: 2 });
    await Promise.all([phone.arrived, tablet.arrived]);
    const delivery = await rig.append([userChannel('ann')], 'phone only');
    await rig.deliver([{ ...delivery, steps: delivery.steps.map((step) => ({ ...step, devices: ['phone'] })) }]);
    await rig.push([userChannel('ann')], 'both');
    expect(phone.connection.pushed).toEqual(['phone only', 'both']);
    expect(tablet.connection.pushed).toEqual(['both']);
  });

  it('counts what has expired', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    await rig.push([room], 'late', { expiresAtMs: rig.clock.now() });
    await rig.push([room], 'in time', { expiresAtMs: rig.clock.now() + 1 });
    expect(ann.connection.pushed).toEqual(['in time']);
    expect(await rig.dropped('fanout', 'expired')).toBe(1);
  });

  it('counts every message that a member who is closed does not get', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    ann.connection.close(1000, '');
    await rig.deliver([await rig.append([room], 1), await rig.append([room], 2), await rig.append([room], 3)]);
    expect(await rig.dropped('outbox', 'closed')).toBe(3);
  });

  it('says and counts where nobody is', async () => {
    const rig = await openRig();
    const ann = rig.connect({ user: 'ann' });
    await ann.arrived;
    const gone = connectionChannel('g1~1~zz');
    const ack = await rig.push([userChannel('ann'), userChannel('zed'), gone], 'hello');
    expect(ack).toEqual({
      taken: 0,
      refused: Refusal.none,
      gone: [
        { offset: 0, channel: 'user:zed' },
        { offset: 0, channel: gone },
      ],
    });
    expect(await rig.dropped('fanout', 'gone')).toBe(2);
    expect(ann.connection.pushed).toEqual(['hello']);
  });

  it('reaches a connection by its id, and not from another app', async () => {
    const rig = await openRig();
    const ann = rig.connect();
    await ann.arrived;
    const channel = connectionChannel(rig.sessions.connectionIdOf(ann.session));
    await rig.push([channel], 'ours');
    const { gone } = await rig.deliver([{ ...(await rig.append([channel], 'theirs')), app: 'other' }]);
    expect(ann.connection.packets.slice(1)).toMatchObject([{ data: 'ours', channel }]);
    expect(gone).toHaveLength(1);
  });

  it('survives a body that cannot be read', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    await rig.deliver([{ ...(await rig.append([room], 1)), body: Buffer.from([255]) }, await rig.append([room], 2)]);
    expect(await rig.dropped('fanout', 'undecodable')).toBe(1);
    expect(ann.connection.pushed).toContain(2);
  });
});
