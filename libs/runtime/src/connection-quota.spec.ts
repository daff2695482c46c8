import { ManualClock } from './clock.js';
import { ConnectionQuota } from './connection-quota.js';
import { Metrics } from './metrics.js';
import { RateLimit } from './rate-limit.js';

describe('a quota of connections', () => {
  const open = (max: number) =>
    new ConnectionQuota({ name: 'q', max, clock: new ManualClock(), metrics: new Metrics() });

  it('has so many places of each key, and has those again that are left', async () => {
    const quota = open(2);
    expect(await Promise.all(['a', 'a', 'a', 'b'].map((key) => quota.enter(key)))).toEqual([true, true, false, true]);
    quota.leave('a');
    expect(await quota.enter('a')).toBe(true);
    expect(await quota.enter('a')).toBe(false);
    for (const key of ['a', 'a', 'b', 'b', 'c']) quota.leave(key);
    expect(quota.size).toBe(0);
  });

  it('counts nothing without a limit', async () => {
    const quota = open(0);
    expect(quota.isOff).toBe(true);
    expect(await quota.enter('a')).toBe(true);
    expect(quota.size).toBe(0);
  });
});

describe('a rate', () => {
  it('lets so many through a second, and says when the next', async () => {
    const rate = new RateLimit({ name: 'r', perSecond: 2, metrics: new Metrics() });
    const waits = await Promise.all(['a', 'a', 'a', 'b'].map((key) => rate.take(key)));
    expect(waits.map((ms) => ms > 0)).toEqual([false, false, true, false]);
    expect(waits[2]).toBeLessThanOrEqual(1_000);
  });

  it('takes more than a second has for a whole second, and everything without a limit', async () => {
    const rate = new RateLimit({ name: 'r', perSecond: 2, metrics: new Metrics() });
    expect(await rate.take('a', 1_000)).toBe(0);
    expect(await rate.take('a')).toBeGreaterThan(0);
    const none = new RateLimit({ name: 'r', perSecond: 0, metrics: new Metrics() });
    expect(await none.take('a', 1_000_000)).toBe(0);
  });
});
