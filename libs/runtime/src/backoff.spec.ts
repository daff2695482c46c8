import { backoffMs, persist } from './backoff.js';

describe('backoff', () => {
  it('doubles to a ceiling, half of it random', () => {
    expect([1, 2, 3, 10].map((attempt) => backoffMs(attempt, 100, 1000, () => 1))).toEqual([100, 200, 400, 1000]);
    expect(backoffMs(3, 100, 1000, () => 0)).toBe(200);
  });

  it('persists until the task succeeds and tells of each failure', async () => {
    const failures: number[] = [];
    let left = 2;
    const task = () => ((left -= 1) >= 0 ? Promise.reject(new Error('away')) : Promise.resolve('done'));
    await expect(persist(task, { minMs: 1, onFailure: (_, attempt) => failures.push(attempt) })).resolves.toBe('done');
    expect(failures).toEqual([1, 2]);
  });

  it('gives up when aborted, with the last error', async () => {
    const stop = new AbortController();
    const trying = persist(() => Promise.reject(new Error('away')), {
      signal: stop.signal,
      onFailure: () => stop.abort(),
    });
    await expect(trying).rejects.toThrow('away');
  });
});
