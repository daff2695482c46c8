import { connectRedis, silentLog } from '@app/runtime';
import { describeIdempotencyStore } from '../../libs/history/src/idempotency-store.contract.js';
import { RedisIdempotencyStore } from '../../libs/history/src/redis/redis.idempotency-store.js';
import { connectTest, freshPrefix, removeKeys } from '../support/redis-keys.js';
import { until } from '../support/until.js';

const url = process.env['REDIS_URL'];

(url ? describe : describe.skip)('on a real Redis', () => {
  describeIdempotencyStore('redis', async (limits) => {
    const prefix = freshPrefix();
    const store = new RedisIdempotencyStore(connectRedis(url!, { log: silentLog, name: 'keys' }), prefix, limits);
    const close = async () => {
      await store.close();
      await removeKeys(url!, prefix);
    };
    return { store, until: (holds) => until(holds), close };
  });

  it('costs one small key, which Redis forgets by itself', async () => {
    const prefix = freshPrefix();
    const redis = connectTest(url!);
    const limits = { pendingMs: 60_000, ttlMs: 86_400_000 };
    const store = new RedisIdempotencyStore(connectRedis(url!, { log: silentLog, name: 'keys' }), prefix, limits);
    const [id, hash] = ['A'.repeat(26), 'h'.repeat(43)];
    await store.begin([{ id, hash, stamp: '1700000000000' }]);
    const answer = JSON.stringify({ id, acceptedAt: new Date().toISOString() });
    await store.end([{ id, hash, answer }]);
    const keys = await redis.keys(`${prefix}*`);
    expect(keys).toEqual([`${prefix}i:${id}`]);
    expect(await redis.memory('USAGE', keys[0]!)).toBeLessThan(400);
    const left = await redis.pttl(keys[0]!);
    expect(left).toBeGreaterThan(86_000_000);
    expect(left).toBeLessThanOrEqual(86_400_000);
    expect((await redis.hkeys(keys[0]!)).sort()).toEqual(['answer', 'hash']);
    await store.close();
    await redis.quit();
    await removeKeys(url!, prefix);
  });

  it('tells of a Redis that is not there', async () => {
    const link = connectRedis('redis://127.0.0.1:1', { log: silentLog, name: 'keys' });
    const store = new RedisIdempotencyStore(link, '', { pendingMs: 1, ttlMs: 1 });
    await expect(store.begin([{ id: 'k', hash: 'h', stamp: '' }])).rejects.toThrow('not connected');
    await store.close();
  });
});
