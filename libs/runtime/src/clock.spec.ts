import { ManualClock } from './clock.js';

describe('the manual clock', () => {
  it('runs what is due, in order of time, and nothing that was stopped', () => {
    const clock = new ManualClock(0);
    const ran: string[] = [];
    clock.every(10, () => ran.push(`every@${clock.now()}`));
    clock.after(15, () => ran.push(`after@${clock.now()}`));
    clock.after(12, () => ran.push('stopped')).stop();
    clock.advance(25);
    expect(ran).toEqual(['every@10', 'after@15', 'every@20']);
    expect(clock.now()).toBe(25);
  });

  it('moves both readings with time, and only the one of the wall when that is set', () => {
    const clock = new ManualClock(0);
    const began = clock.monotonic();
    clock.advance(25);
    clock.jump(-90_000);
    expect([clock.now(), clock.monotonic() - began]).toEqual([-89_975, 25]);
  });
});
