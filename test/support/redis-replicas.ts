import { Redis } from 'ioredis';
import type { RedisServer } from './redis-server.js';

/**
 * Resolves when so many replicas have acknowledged a write of now. A link that is up says less: until a replica's first
 * acknowledgement the master only keeps for it what comes after the copy it began with.
 */
export async function replicasFollow(master: RedisServer, replicas = 1): Promise<void> {
  const redis = new Redis(master.url);
  try {
    await redis.set('test:followed', '1');
    const following = await redis.wait(replicas, 20_000);
    if (following < replicas) throw new Error(`${following} of ${replicas} replicas follow`);
  } finally {
    await redis.quit();
  }
}
