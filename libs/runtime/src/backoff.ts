/**
 * How long to wait before try number `attempt` (1 is the first repeat), in milliseconds: doubling from `minMs` to
 * `maxMs`, half of it random, so that many who lost the same server do not come back together.
 */
export function backoffMs(attempt: number, minMs = 100, maxMs = 5_000, random: () => number = Math.random): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}

/** Resolves after `ms` milliseconds, or at once when `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/**
 * Tries `task` until it succeeds, with backoff between; `onFailure` hears of each failure before the wait.
 * @throws the last error once `signal` is aborted.
 */
export async function persist<T>(
  task: () => Promise<T>,
  options: {
    signal?: AbortSignal;
    onFailure?: (error: unknown, attempt: number) => void;
    minMs?: number;
    maxMs?: number;
  } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await task();
    } catch (error) {
      options.onFailure?.(error, attempt);
      if (options.signal?.aborted) throw error;
      await pause(backoffMs(attempt, options.minMs, options.maxMs), options.signal);
      if (options.signal?.aborted) throw error;
    }
  }
}
