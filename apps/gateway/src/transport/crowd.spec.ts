import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '@app/runtime';
import { Crowd } from './crowd.js';

/** Somebody comes in each turn; answers who went on together. */
async function comeInTurns(crowd: Crowd, count: number, onTurn = () => {}): Promise<number[][]> {
  const groups: number[][] = [];
  let group: number[] = [];
  const all: Promise<void>[] = [];
  for (let n = 0; n < count; n += 1) {
    const went = crowd.together().then(() => {
      if (group.length === 0) {
        groups.push(group);
        queueMicrotask(() => queueMicrotask(() => (group = [])));
      }
      group.push(n);
    });
    all.push(went);
    onTurn();
    await setImmediate();
  }
  await Promise.all(all);
  return groups;
}

describe('a crowd that comes one by one', () => {
  it('goes on together, with the first turn that brings nobody', async () => {
    const crowd = new Crowd(new ManualClock());
    expect(await comeInTurns(crowd, 40)).toEqual([Array.from({ length: 40 }, (_, n) => n)]);
    expect(await comeInTurns(crowd, 1)).toEqual([[0]]);
  });

  it('keeps nobody longer than 50 ms', async () => {
    const clock = new ManualClock();
    const groups = await comeInTurns(new Crowd(clock), 10, () => clock.advance(20));
    expect(groups.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(Math.max(...groups.map(({ length }) => length))).toBeLessThanOrEqual(4);
  });
});
