import { randomBytes } from 'node:crypto';

const timeDigits = 9;

/**
 * A name for a life of the bus: when it was made, in base 36, and 10 random characters of base64url.
 * @param before epochs that it is not to be earlier than, whatever the clock says that named them.
 */
export const newEpoch = (nowMs: number, before: readonly string[] = []): string =>
  Math.max(nowMs, ...before.map(madeAtMs))
    .toString(36)
    .padStart(timeDigits, '0') + randomBytes(8).toString('base64url').slice(0, 10);

const madeAtMs = (epoch: string): number => parseInt(epoch.slice(0, timeDigits), 36) || 0;

/** Whether an epoch was made before another: a store that names it again has come back from before the other was made. */
export const isEarlierEpoch = (epoch: string, other: string): boolean =>
  epoch.slice(0, timeDigits) < other.slice(0, timeDigits);
