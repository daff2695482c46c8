import { ManualClock, Metrics } from '@app/runtime';
import { describeIdempotencyStore } from '../idempotency-store.contract.js';
import { MemoryIdempotencyStore } from './memory.idempotency-store.js';

const hour = 3_600_000;
const maxBytes = 1024 * 1024;
const use = (id: string) => ({ id, hash: 'body', stamp: 'stamp' });

describeIdempotencyStore('memory', async (limits) => {
  const clock = new ManualClock();
  const store = new MemoryIdempotencyStore({ ...limits, maxBytes }, clock);
  const until = async (holds: () => Promise<boolean>) => {
    for (let step = 0; !(await holds()); step += 1) {
      if (step === 1_000) throw new Error('it did not come');
      clock.advance(10);
    }
  };
  return { store, until, close: () => store.close() };
});

describe('keys in memory', () => {
  it('live to the millisecond, from their end', async () => {
    const clock = new ManualClock();
    const store = new MemoryIdempotencyStore({ pendingMs: 1_000, ttlMs: 24 * hour, maxBytes }, clock);
    await store.begin([use('k')]);
    clock.advance(hour);
    await store.end([{ id: 'k', hash: 'body', answer: 'done' }]);
    clock.advance(24 * hour - 1);
    expect(await store.begin([use('k')])).toEqual([{ state: 'done', answer: 'done' }]);
    clock.advance(1);
    expect(await store.begin([use('k')])).toEqual([{ state: 'begun' }]);
  });

  it.each([25 * hour, -25 * hour])('live as long as ever when the wall clock jumps by %i ms', async (jumpMs) => {
    const clock = new ManualClock();
    const store = new MemoryIdempotencyStore({ pendingMs: 1_000, ttlMs: hour, maxBytes }, clock);
    await store.end([{ id: 'k', hash: 'body', answer: 'done' }]);
    clock.jump(jumpMs);
    clock.advance(hour - 1);
    expect(await store.begin([use('k')])).toEqual([{ state: 'done', answer: 'done' }]);
    clock.advance(1);
    expect(await store.begin([use('k')])).toEqual([{ state: 'begun' }]);
  });

  it('leave nothing behind', async () => {
    const clock = new ManualClock();
    const store = new MemoryIdempotencyStore({ pendingMs: 1, ttlMs: hour, maxBytes }, clock);
    await store.begin(Array.from({ length: 1_000 }, (_, n) => use(`k${n}`)));
    expect(store.size).toBe(1_000);
    clock.advance(hour);
    await store.begin([use('one more')]);
    expect(store.size).toBe(1);
  });

  it('are forgotten oldest first where memory ends, and counted', async () => {
    const metrics = new Metrics();
    const store = new MemoryIdempotencyStore(
      { pendingMs: 1, ttlMs: hour, maxBytes: 4_000 },
      new ManualClock(),
      metrics,
    );
    await store.begin(Array.from({ length: 100 }, (_, n) => use(`k${n}`)));
    const kept = store.size;
    expect(kept).toBeGreaterThan(5);
    expect(kept).toBeLessThan(14);
    expect(await store.begin([use('k99'), use('k0')])).toMatchObject([{ state: 'pending' }, { state: 'begun' }]);
    expect(await metrics.registry.metrics()).toContain(`skylark_idempotency_evicted_total ${101 - kept}`);
  });
});
