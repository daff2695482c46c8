import { connectionChannel, roomChannel, userChannel, type Position } from '@app/protocol';
import { sumOf } from '../../../test/support/metrics.js';
import { until } from '../../../test/support/until.js';
import { holdCalls, openRig, textsOf } from './gateway-rig.contract.js';

const room = roomChannel('live:1000');

describe('welcome', () => {
  it('is the first frame, as the protocol has it', async () => {
    const rig = await openRig();
    await rig.append(['all'], 'old');
    await rig.append([userChannel('ann')], 'missed');
    const ann = rig.connect({
      user: 'ann',
      device: 'phone',
      rooms: ['live:1000'],
      since: [['user', { epoch: rig.epochName, offset: -1 }]],
    });
    await ann.arrived;
    expect(textsOf(ann.connection.writes[0]!)).toEqual([
      `{"type":100,"data":{"connectionId":"g1~1~${ann.session.serial.toString(36)}","userId":"ann","deviceId":"phone",` +
        '"node":"g1","heartbeatMs":25000,"timeoutMs":60000,"maxMessageBytes":65536,"rooms":["live:1000"],"channels":{' +
        `"all":{"epoch":"${rig.epochName}","offset":0},` +
        `"user":{"epoch":"${rig.epochName}","offset":-1,"recovered":true},` +
        `"room:live:1000":{"epoch":"${rig.epochName}","offset":-1}}}}`,
      '{"type":0,"data":"missed","id":"00000000000000000000000001","offset":1}',
    ]);
  });

  it('says that nothing is recovered when positions began again, and sends what is held', async () => {
    const rig = await openRig();
    await rig.append([room], 'held');
    const ann = rig.connect({ rooms: ['live:1000'], since: [[room, { epoch: 'other', offset: 99 }]] });
    await ann.arrived;
    const [welcome] = ann.connection.packets;
    expect(welcome).toMatchObject({
      data: { channels: { [room]: { epoch: rig.epochName, offset: 0, recovered: false } } },
    });
    expect(ann.connection.pushed).toEqual(['held']);
  });

  it('does not claim to recover from a position that history does not know', async () => {
    const rig = await openRig();
    await rig.append([room], 'held');
    const ann = rig.connect({ rooms: ['live:1000'], since: [[room, { epoch: rig.epochName, offset: 99 }]] });
    await ann.arrived;
    expect(ann.connection.packets[0]).toMatchObject({
      data: { channels: { [room]: { offset: 0, recovered: false } } },
    });
  });

  it('counts what became of the positions that clients came back with', async () => {
    const rig = await openRig();
    await rig.append([room], 'held');
    const back = async (since?: Position) =>
      rig.connect({ rooms: ['live:1000'], since: since ? [[room, since]] : [] }).arrived;
    await back();
    await back({ epoch: rig.epochName, offset: -1 });
    await back({ epoch: rig.epochName, offset: 0 });
    await back({ epoch: rig.epochName, offset: 99 });
    await back({ epoch: 'other', offset: 0 });
    const text = await rig.metrics.registry.metrics();
    const of = (outcome: string) => sumOf(text, 'skylark_gateway_recoveries_total', { outcome });
    expect([of('recovered'), of('lost'), of('other_epoch')]).toEqual([2, 1, 1]);
  });

  it('has no own channel for somebody without a name', async () => {
    const rig = await openRig();
    const nobody = rig.connect({ since: [['user', { epoch: rig.epochName, offset: 1 }]] });
    await nobody.arrived;
    const [welcome] = nobody.connection.packets;
    expect(Object.keys((welcome!['data'] as { channels: object }).channels)).toEqual(['all']);
    expect(welcome!['data']).not.toHaveProperty('userId');
  });

  it('comes before what was addressed to the connection meanwhile', async () => {
    const rig = await openRig();
    const tops = holdCalls(rig.history, 'tops');
    const ann = rig.connect({ user: 'ann' });
    await until(() => tops.calls() === 1);
    const ack = await rig.push([connectionChannel(rig.sessions.connectionIdOf(ann.session))], 'to you');
    expect(ack.gone).toEqual([]);
    tops.letGo();
    await ann.arrived;
    expect(ann.connection.packets.map((packet) => packet['type'])).toEqual([100, 0]);
  });

  it('does not come when history is away: the client is closed and may come back', async () => {
    const rig = await openRig();
    rig.history.tops = () => Promise.reject(new Error('history is away'));
    const ann = rig.connect({ user: 'ann' });
    await ann.arrived;
    expect(ann.connection.writes).toEqual([]);
    expect(ann.connection.closedWith).toBe(4503);
    expect(rig.channels.size).toBe(0);
  });

  it('closes the connection that the device had before', async () => {
    const rig = await openRig();
    const first = rig.connect({ user: 'ann', device: 'phone', connSeq: 1 });
    await first.arrived;
    const second = rig.connect({ user: 'ann', device: 'phone', connSeq: 2 });
    await second.arrived;
    expect(first.connection.closedWith).toBe(4409);
    expect(second.connection.closedWith).toBeUndefined();
  });

  it('is taken back from a connection that was admitted before the one that holds the device', async () => {
    const rig = await openRig();
    const later = rig.connect({ user: 'ann', device: 'phone', connSeq: 2 });
    await later.arrived;
    const earlier = rig.connect({ user: 'ann', device: 'phone', connSeq: 1 });
    await earlier.arrived;
    expect(earlier.connection.closedWith).toBe(4409);
    expect(later.connection.closedWith).toBeUndefined();
  });
});
