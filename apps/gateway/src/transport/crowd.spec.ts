import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '@app/runtime';
import { Crowd } from './crowd.js';

/** Somebody comes in each turn; answers after how many turns each went on. */
async function comeInTurns(crowd: Crowd, count: number, onTurn = () => {}): Promise<number[]> {
  let turns = 0;
  const come = async () => {
    await crowd.together();
    return turns;
  };
  const all: Promise<number>[] = [];
  for (; turns < count; turns += 1) {
    all.push(come());
    onTurn();
    await setImmediate();
  }
  return Promise.all(all);
}

describe('a crowd that comes one by one', () => {
  it('goes on together, with the first turn that brings nobody', async () => {
    const crowd = new Crowd(new ManualClock());
    expect(new Set(await comeInTurns(crowd, 40))).toEqual(new Set([40]));
    expect(await comeInTurns(crowd, 1)).toEqual([1]);
  });

  it('keeps nobody longer than 50 ms', async () => {
    const clock = new ManualClock();
    const wentAfter = await comeInTurns(new Crowd(clock), 10, () => clock.advance(20));
    const waited = wentAfter.map((turns, n) => turns - n);
    expect(Math.max(...waited)).toBeLessThanOrEqual(3);
    expect(Math.max(...waited)).toBeGreaterThan(1);
  });
});
