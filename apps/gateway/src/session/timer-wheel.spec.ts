import * as fc from 'fast-check';
import { ManualClock } from '@app/runtime';
import { TimerWheel } from './timer-wheel.js';

describe('the timer wheel', () => {
  it('looks at an item at its time, and again when it says so', () => {
    const clock = new ManualClock();
    const began = clock.monotonic();
    const seen: number[] = [];
    const due = (item: { again: number }, now: number) => (seen.push(now - began), item.again);
    const wheel = new TimerWheel<{ again: number }>(clock, due, 100, 1_000);
    const item = { again: began + 700 };
    wheel.add(item, began + 250);
    clock.advance(200);
    expect(seen).toEqual([]);
    clock.advance(100);
    expect(seen).toEqual([300]);
    item.again = 0;
    clock.advance(10_000);
    expect(seen).toEqual([300, 700]);
  });

  it('never looks too early by more than the horizon, and never more than a tick late', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { maxLength: 30 }), fc.nat(99), (times, start) => {
        const clock = new ManualClock();
        clock.advance(start);
        const done = new Map<number, number>();
        const due = (item: { id: number; atMs: number }, now: number) => {
          if (now < item.atMs) return item.atMs;
          done.set(item.id, now - item.atMs);
          return 0;
        };
        const wheel = new TimerWheel(clock, due, 100, 1_000);
        times.forEach((time, id) => wheel.add({ id, atMs: clock.monotonic() + time }, clock.monotonic() + time));
        clock.advance(5_200);
        expect(done.size).toBe(times.length);
        for (const late of done.values()) expect(late).toBeLessThanOrEqual(200);
      }),
    );
  });

  it('catches up after the process stood still, each item once', () => {
    const clock = new ManualClock();
    let looks = 0;
    const wheel = new TimerWheel(clock, () => ((looks += 1), 0), 100, 1_000);
    for (let i = 0; i < 50; i += 1) wheel.add({}, clock.monotonic() + i * 20);
    // The timer fires once, long after: as after a stall.
    (clock as unknown as { current: number }).current += 60_000;
    (wheel as unknown as { turn(): void }).turn();
    expect(looks).toBe(50);
  });

  it('stops', () => {
    const clock = new ManualClock();
    let looks = 0;
    const wheel = new TimerWheel(clock, () => ((looks += 1), 0), 100, 1_000);
    wheel.add({}, clock.monotonic() + 100);
    wheel.stop();
    clock.advance(1_000);
    expect(looks).toBe(0);
  });
});
