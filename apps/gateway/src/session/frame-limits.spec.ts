import { CloseCode } from '@app/protocol';
import { ManualClock, Metrics } from '@app/runtime';
import { FakeConnection } from './connection.contract.js';
import { burstSeconds, FrameLimits, type FrameRates } from './frame-limits.js';
import { Session } from './session.js';

const none: FrameRates = {
  maxFramesPerSecond: 0,
  maxBytesPerSecond: 0,
  maxJoinsPerSecond: 0,
  maxMessageBytes: 100,
  maxRooms: 5,
};

function open(rates: Partial<FrameRates>) {
  const metrics = new Metrics();
  const clock = new ManualClock();
  const limits = new FrameLimits({ ...none, ...rates }, metrics);
  const connection = new FakeConnection();
  const session = new Session(1, connection);
  session.state = 'live';
  return {
    clock,
    connection,
    session,
    limits,
    /** How many of so many frames were taken. */
    send: (count: number, bytes = 1) => {
      let taken = 0;
      for (let n = 0; n < count; n += 1) if (limits.takesFrame(session, bytes, clock.now())) taken += 1;
      return taken;
    },
    join: (count: number) => {
      let taken = 0;
      for (let n = 0; n < count; n += 1) if (limits.takesJoin(session)) taken += 1;
      return taken;
    },
    limited: async () => (await metrics.limited.get()).values.map(({ labels, value }) => [labels.limit, value]),
  };
}

describe("a client's limits", () => {
  it("takes ten seconds' worth of frames at once, and closes 4429 with a back-off at the next", async () => {
    const at = open({ maxFramesPerSecond: 3 });
    expect(at.send(3 * burstSeconds)).toBe(30);
    expect(at.connection.ended).toBeUndefined();
    expect(at.send(1)).toBe(0);
    expect(at.connection.ended).toEqual({
      code: CloseCode.rateLimited.code,
      reason: 'too many frames; retry after 10 s',
    });
    at.send(5); // what comes until the client has read that
    expect(await at.limited()).toEqual([['frames', 1]]);
  });

  it('lets a steady client go on for ever at the rate, and not above it', () => {
    const at = open({ maxFramesPerSecond: 3 });
    for (let second = 0; second < 1_000; second += 1) {
      expect(at.send(3)).toBe(3);
      at.clock.advance(1_000);
    }
    let seconds = 0;
    for (; at.send(4) === 4; seconds += 1) at.clock.advance(1_000);
    expect(seconds).toBeGreaterThan(20);
    expect(seconds).toBeLessThan(30);
  });

  it('counts bytes apart from frames, and takes a frame of the largest size whatever the rate', async () => {
    const at = open({ maxBytesPerSecond: 1 });
    expect(at.send(2, 100)).toBe(2);
    expect(at.send(1, 1)).toBe(0);
    expect(await at.limited()).toEqual([['bytes', 1]]);
  });

  it('lets a client join all the rooms that it may be in, and then as many a second', async () => {
    const at = open({ maxJoinsPerSecond: 1, maxRooms: 50 });
    at.send(1);
    expect(at.join(50)).toBe(50);
    at.clock.advance(2_000);
    expect(at.send(1)).toBe(1);
    expect(at.join(2)).toBe(2);
    expect(at.join(1)).toBe(0);
    expect(await at.limited()).toEqual([['joins', 1]]);
  });

  it('has no limit where it is 0, also when the clock goes back', () => {
    const at = open({});
    expect(at.send(100_000, 1_000)).toBe(100_000);
    expect(at.join(100_000)).toBe(100_000);
    at.clock.advance(-5_000);
    expect(at.send(100_000)).toBe(100_000);
    expect(at.connection.ended).toBeUndefined();
  });
});
