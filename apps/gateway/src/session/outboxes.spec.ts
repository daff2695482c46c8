import { CloseCode } from '@app/protocol';
import { Metrics } from '@app/runtime';
import { FakeConnection } from './connection.contract.js';
import { textFrame } from './frame.js';
import { Outboxes } from './outboxes.js';
import { Session } from './session.js';

function setup(maxBytes = 1_000) {
  const metrics = new Metrics();
  const outboxes = new Outboxes(maxBytes, metrics);
  let serial = 0;
  const arrive = () => {
    const connection = new FakeConnection();
    const session = new Session((serial += 1), connection);
    session.state = 'live';
    return { session, connection };
  };
  const valueOf = async (name: string) => {
    const { values } = await metrics.registry.getSingleMetric(name)!.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };
  const dropped = async () => {
    const { values } = await metrics.dropped.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.reason, value]));
  };
  return { outboxes, arrive, valueOf, dropped };
}

const [one, two, three] = ['one', 'two', 'three'].map(textFrame) as [Buffer, Buffer, Buffer];

describe('outboxes', () => {
  it('write what a tick brings once, at its end', async () => {
    const { outboxes, arrive, valueOf } = setup();
    const { session, connection } = arrive();
    expect([one, two, three].map((frame) => outboxes.push(session, frame, 1))).toEqual(['queued', 'queued', 'queued']);
    expect(connection.writes).toEqual([]);
    await outboxes.afterFlush();
    expect(connection.writes).toEqual([Buffer.concat([one, two, three])]);
    expect(await valueOf('skylark_gateway_writes_total')).toBe(1);
    expect(await valueOf('skylark_gateway_written_bytes_total')).toBe(one.length + two.length + three.length);
    outboxes.push(session, one, 1);
    await outboxes.afterFlush();
    expect(connection.writes).toHaveLength(2);
  });

  it('write one and the same buffer to all who wait for the same', async () => {
    const { outboxes, arrive } = setup();
    const members = [arrive(), arrive(), arrive()];
    const other = arrive();
    for (const { session } of members) outboxes.push(session, one, 1);
    outboxes.push(other.session, two, 1);
    for (const { session } of [...members, other]) outboxes.push(session, three, 1);
    await outboxes.afterFlush();
    expect(other.connection.texts).toEqual(['two', 'three']);
    for (const { connection } of members) {
      expect(connection.texts).toEqual(['one', 'three']);
      expect(connection.writes[0]).toBe(members[0]!.connection.writes[0]);
    }
  });

  it('close who is over the limit, count what is lost, and let the others be', async () => {
    const { outboxes, arrive, dropped } = setup(one.length * 2);
    const [slow, quick] = [arrive(), arrive()];
    slow.connection.isSlow = true;
    outboxes.push(slow.session, one, 1);
    await outboxes.afterFlush();
    const pushed = [two, one, one].map((frame) => outboxes.push(slow.session, frame, 1));
    expect(pushed).toEqual(['queued', 'full', 'closed']);
    expect(outboxes.push(quick.session, one, 1)).toBe('queued');
    await outboxes.afterFlush();
    expect(slow.connection.ended).toEqual({ code: 4413, reason: CloseCode.slow.reason });
    expect(slow.connection.texts).toEqual(['one']);
    expect(slow.session.pendingBytes).toBe(0);
    expect(quick.connection.texts).toEqual(['one']);
    expect(await dropped()).toEqual({ slow_consumer: 1, closed: 2 });
  });

  it('write early what is too much for one tick, and close nobody who takes it', async () => {
    const { outboxes, arrive, dropped } = setup(one.length * 2);
    const { session, connection } = arrive();
    for (let i = 0; i < 9; i += 1) expect(outboxes.push(session, one, 1)).toBe('queued');
    expect(connection.writes).toHaveLength(4);
    await outboxes.afterFlush();
    expect(connection.texts).toHaveLength(9);
    expect(connection.ended).toBeUndefined();
    expect(await dropped()).toEqual({});
  });

  it('count what the kernel has not taken', async () => {
    const { outboxes, arrive } = setup(one.length * 2);
    const { session, connection } = arrive();
    connection.isSlow = true;
    for (let tick = 0; tick < 2; tick += 1) {
      expect(outboxes.push(session, one, 1)).toBe('queued');
      await outboxes.afterFlush();
    }
    expect(outboxes.push(session, one, 1)).toBe('full');
    expect(connection.ended).toMatchObject({ code: 4413 });
  });

  it('take a room in one tick as a whole: the limit is per client', async () => {
    const { outboxes, arrive } = setup(one.length);
    const members = Array.from({ length: 100 }, arrive);
    for (const { session } of members) outboxes.push(session, one, 1);
    await outboxes.afterFlush();
    expect(members.every(({ connection }) => connection.texts.join() === 'one')).toBe(true);
  });

  it('write what waits before the close frame', async () => {
    const { outboxes, arrive } = setup();
    const { session, connection } = arrive();
    outboxes.push(session, one, 1);
    outboxes.close(session, CloseCode.kicked, 'spam');
    expect(connection.texts).toEqual(['one']);
    expect(connection.ended).toEqual({ code: 4403, reason: 'spam' });
    expect(outboxes.push(session, two, 1)).toBe('closed');
    await outboxes.afterFlush();
    expect(connection.texts).toEqual(['one']);
  });

  it('resolve after the flush when somebody is gone in the middle of it', async () => {
    const { outboxes, arrive, dropped } = setup();
    const [gone, there] = [arrive(), arrive()];
    for (const { session } of [gone, there]) outboxes.push(session, one, 1);
    gone.connection.terminate();
    await outboxes.afterFlush();
    expect(gone.connection.writes).toEqual([]);
    expect(there.connection.texts).toEqual(['one']);
    expect(await dropped()).toMatchObject({ closed: 1 });
    await outboxes.afterFlush();
  });

  it('count messages, however many are joined in a frame', async () => {
    const { outboxes, arrive, dropped } = setup(one.length * 2);
    const [slow, gone] = [arrive(), arrive()];
    slow.connection.isSlow = true;
    for (const messages of [3, 4]) outboxes.push(slow.session, one, messages);
    await outboxes.afterFlush();
    expect(outboxes.push(slow.session, one, 5)).toBe('full');
    expect(await dropped()).toEqual({ slow_consumer: 5 });
    expect(outboxes.push(slow.session, one, 7)).toBe('closed');
    expect(await dropped()).toEqual({ slow_consumer: 5, closed: 7 });
    for (const messages of [16, 1]) outboxes.push(gone.session, two, messages);
    gone.connection.terminate();
    await outboxes.afterFlush();
    expect(await dropped()).toEqual({ slow_consumer: 5, closed: 7 + 17 });
  });
});
