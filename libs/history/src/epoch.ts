import { randomBytes } from 'node:crypto';

const timeDigits = 9;

/** A name for a life of the bus: when it was made, in base 36, and 10 random characters of base64url. */
export const newEpoch = (nowMs: number): string =>
  nowMs.toString(36).padStart(timeDigits, '0') + randomBytes(8).toString('base64url').slice(0, 10);

/** Whether an epoch was made before another: a store that names it again has come back from before the other was made. */
export const isEarlierEpoch = (epoch: string, other: string): boolean =>
  epoch.slice(0, timeDigits) < other.slice(0, timeDigits);
