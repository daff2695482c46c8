import { ManualClock } from '@app/runtime';
import { FakeConnection } from './connection.contract.js';
import { Heartbeat, tokenWaitMs } from './heartbeat.js';
import { Session } from './session.js';

function setup(state: Session['state'] = 'live') {
  const warned: number[] = [];
  const clock = new ManualClock();
  const heartbeat = new Heartbeat(clock, 60_000, () => warned.push(clock.now()));
  const connection = new FakeConnection();
  const session = new Session(1, connection);
  session.state = state;
  heartbeat.watch(session);
  return { clock, heartbeat, connection, session, warned };
}

describe('the heartbeat', () => {
  it('closes who is silent too long, and nobody before', () => {
    const { clock, connection } = setup();
    clock.advance(59_999);
    expect(connection.ended).toBeUndefined();
    clock.advance(1_001);
    expect(connection.ended).toMatchObject({ code: 4408 });
  });

  it('lets any frame prove life', () => {
    const { clock, heartbeat, connection, session } = setup();
    for (let minute = 0; minute < 10; minute += 1) {
      clock.advance(59_000);
      heartbeat.seen(session);
    }
    expect(connection.ended).toBeUndefined();
    clock.advance(61_000);
    expect(connection.ended).toMatchObject({ code: 4408 });
  });

  it.each([90_000, -90_000])('judges no silence by the wall clock, which jumps by %i ms', (jumpMs) => {
    const { clock, heartbeat, connection, session } = setup();
    clock.advance(59_000);
    clock.jump(jumpMs);
    clock.advance(999);
    expect(connection.ended).toBeUndefined();
    heartbeat.seen(session);
    clock.jump(jumpMs);
    clock.advance(59_999);
    expect(connection.ended).toBeUndefined();
    clock.advance(1_001);
    expect(connection.ended).toMatchObject({ code: 4408 });
  });

  it('goes by the wall clock for the end of a token', () => {
    const { clock, connection, session } = setup();
    session.expiresAtMs = clock.now() + 80_000;
    clock.jump(90_000);
    clock.advance(11_000);
    expect(connection.ended).toEqual({ code: 4401, reason: 'the token has ended' });
  });

  it('closes who came without a token and sends none', () => {
    const { clock, connection } = setup('waiting');
    clock.advance(tokenWaitMs - 1);
    expect(connection.ended).toBeUndefined();
    clock.advance(501);
    expect(connection.ended).toEqual({ code: 4401, reason: 'no token came' });
  });

  it('forgets the wait for the token once it has come', () => {
    const { clock, connection, session } = setup('waiting');
    clock.advance(4_000);
    session.state = 'live';
    clock.advance(50_000);
    expect(connection.ended).toBeUndefined();
  });

  it('closes whose token has ended, unless a new one came', () => {
    const { clock, heartbeat, connection, session } = setup();
    session.expiresAtMs = clock.now() + 90_000;
    clock.advance(50_000);
    heartbeat.seen(session);
    session.expiresAtMs += 90_000;
    clock.advance(55_000);
    heartbeat.seen(session);
    expect(connection.ended).toBeUndefined();
    clock.advance(50_000);
    heartbeat.seen(session);
    clock.advance(26_000);
    expect(connection.ended).toEqual({ code: 4401, reason: 'the token has ended' });
  });

  it('warns once before a token ends, not before the welcome, and again after a new one', () => {
    const { clock, heartbeat, session, warned } = setup('arriving');
    const begun = clock.now();
    session.expiresAtMs = begun + 40_000;
    session.warnBeforeMs = 20_000;
    clock.advance(22_000);
    expect(warned).toEqual([]);
    session.state = 'live';
    clock.advance(10_000);
    expect(warned).toHaveLength(1);
    expect(warned[0]! - begun).toBeLessThanOrEqual(23_000);
    heartbeat.seen(session);
    session.expiresAtMs = begun + 100_000;
    session.warnBeforeMs = 40_000;
    clock.advance(27_000);
    expect(warned).toHaveLength(1);
    clock.advance(2_000);
    expect(warned.map((at) => Math.round((at - begun) / 1_000))).toEqual([expect.any(Number), 60]);
  });

  it('lets go of who is gone within the horizon', () => {
    const { clock, heartbeat, connection, session } = setup();
    connection.terminate();
    clock.advance(11_000);
    const wheel = (heartbeat as unknown as { wheel: { buckets: Session[][] } }).wheel;
    expect(wheel.buckets.flat()).not.toContain(session);
  });

  it('blames no client for a time in which this process stood still, and still finds who is silent then', () => {
    const { clock, heartbeat, connection, session } = setup();
    clock.advance(30_000);
    clock.stall(60_000); // what it sent meanwhile is read after the timers
    clock.advance(500);
    expect(connection.ended).toBeUndefined();
    heartbeat.seen(session);
    clock.advance(59_000);
    expect(connection.ended).toBeUndefined();
    clock.advance(2_000);
    expect(connection.ended).toMatchObject({ code: 4408 });
  });

  it('closes who stays silent after a time in which this process stood still', () => {
    const { clock, connection } = setup();
    clock.stall(90_000);
    clock.advance(59_000);
    expect(connection.ended).toBeUndefined();
    clock.advance(2_000);
    expect(connection.ended).toMatchObject({ code: 4408 });
  });
});
