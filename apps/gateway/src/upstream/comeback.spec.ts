import { ManualClock, silentLog } from '@app/runtime';
import { until } from '../../../../test/support/until.js';
import { Comeback } from './comeback.js';

function setUp() {
  const clock = new ManualClock();
  const done: string[] = [];
  let fails = 0;
  let gate = Promise.resolve();
  const comeback = new Comeback(
    [
      () => void done.push('write'),
      async () => {
        await gate;
        if ((fails -= 1) >= 0) throw new Error('history is away');
        done.push('compare');
      },
    ],
    clock,
    silentLog,
  );
  const hold = () => {
    let letGo!: () => void;
    gate = new Promise((resolve) => (letGo = resolve));
    return letGo;
  };
  return { clock, done, comeback, hold, fail: (times: number) => (fails = times) };
}

describe('comeback', () => {
  it('writes, then compares', async () => {
    const { comeback, done } = setUp();
    comeback.begin();
    await until(() => done.length === 2);
    expect(done).toEqual(['write', 'compare']);
  });

  it('tries until it is done: a comparison that failed would leave what was missed unseen', async () => {
    const { comeback, done, fail, clock } = setUp();
    fail(2);
    comeback.begin();
    await until(() => {
      clock.advance(100);
      return done.includes('compare');
    });
    expect(done).toEqual(['write', 'write', 'write', 'compare']);
  });

  it('goes once more when it is asked to meanwhile, and one at a time', async () => {
    const { comeback, done, hold } = setUp();
    const letGo = hold();
    comeback.begin();
    comeback.begin();
    comeback.begin();
    letGo();
    await until(() => done.length === 4);
    expect(done).toEqual(['write', 'compare', 'write', 'compare']);
  });

  it('ends when it is stopped', async () => {
    const { comeback, done, fail, clock } = setUp();
    fail(Infinity);
    comeback.begin();
    await until(() => done.length === 1);
    comeback.stop();
    clock.advance(60_000);
    comeback.begin();
    expect(done).toEqual(['write']);
  });
});
