import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';

/** Keys of one test: it meets no other test's, nor what a developer has in that Redis. */
export const freshPrefix = (): string => `test:${randomBytes(6).toString('hex')}:`;

/** A connection to look behind a store's back. */
export const connectTest = (url: string): Redis => new Redis(url);

export async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = connectTest(url);
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(keys);
  await redis.quit();
}
