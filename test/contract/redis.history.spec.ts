import { connectRedis, silentLog } from '@app/runtime';
import { ChannelPolicies } from '../../libs/history/src/channel-policy.js';
import { describeHistoryStore } from '../../libs/history/src/history-store.contract.js';
import { HistoryLostError } from '../../libs/history/src/history-store.js';
import { RedisHistoryStore } from '../../libs/history/src/redis/redis.history-store.js';
import { connectTest, freshPrefix, removeKeys } from '../support/redis-keys.js';
import { until } from '../support/until.js';

const url = process.env['REDIS_URL'];

const policies = new ChannelPolicies({ 'user:': { size: 10, ttlMs: 60_000 } });
const record = (offset: number, user: string) => ({
  offset,
  app: 'default',
  id: `ID${offset}`,
  part: 0,
  retain: true,
  expiresAtMs: 0,
  targets: [{ channel: `user:${user}`, devices: [] }],
  body: Buffer.from('body'),
});

async function openOne() {
  const prefix = freshPrefix();
  const link = connectRedis(url!, { log: silentLog, name: 'history' });
  const store = new RedisHistoryStore(link, prefix, policies);
  const redis = connectTest(url!);
  const close = async () => {
    await store.close();
    await redis.quit();
    await removeKeys(url!, prefix);
  };
  return { store, redis, prefix, [Symbol.asyncDispose]: close };
}

(url ? describe : describe.skip)('on a real Redis', () => {
  describeHistoryStore('redis', async (kept) => {
    const prefix = freshPrefix();
    const link = connectRedis(url!, { log: silentLog, name: 'history' });
    const store = new RedisHistoryStore(link, prefix, kept);
    const close = async () => {
      await store.close();
      await removeKeys(url!, prefix);
    };
    return { store, until: (holds) => until(holds), close };
  });

  it('takes nothing after it was emptied under a running job, until the shard is claimed again in a new epoch', async () => {
    await using opened = await openOne();
    const { store } = opened;
    const epoch = await store.epochOf('life');
    const owner = { shard: 0, epoch, ownerEpoch: 1 };
    await store.claim(owner);
    await store.append(owner, [record(1, 'ann'), record(2, 'bob')]);
    await removeKeys(url!, opened.prefix);

    await expect(store.append(owner, [record(5, 'ann')])).rejects.toBeInstanceOf(HistoryLostError);
    const next = { ...owner, epoch: await store.epochOf('life') };
    expect(next.epoch).not.toBe(epoch);
    expect(await store.claim(next)).toEqual({ retainedTo: -1 });
    expect(await store.append(next, [record(5, 'ann')])).toEqual([[-2]]);
    for (const offset of [-1, 1, 4, 5]) {
      expect(await store.read('default', 'user:ann', { epoch, offset })).toMatchObject({ recovered: false });
    }
    expect(await store.read('default', 'user:ann', { epoch: next.epoch, offset: 5 })).toMatchObject({
      recovered: true,
    });
  });

  it('knows of a batch that was done in part only that it was not done', async () => {
    await using opened = await openOne();
    const { store, redis, prefix } = opened;
    const owner = { shard: 0, epoch: await store.epochOf('life'), ownerEpoch: 1 };
    await store.claim(owner);
    await store.append(owner, [record(1, 'ann')]);
    const bobs = `${prefix}h:{default/user:bob}:m`;
    await redis.set(bobs, 'this is no hash, so that his part of the batch fails');
    const batch = [record(2, 'ann'), record(3, 'bob'), record(4, 'cid')];
    await expect(store.append(owner, batch)).rejects.toThrow('WRONGTYPE');
    expect(await store.claim(owner)).toEqual({ retainedTo: 1 });
    await redis.del(bobs);
    expect(await store.append(owner, batch)).toEqual([[1], [-2], [-2]]);
    expect(await store.claim(owner)).toEqual({ retainedTo: 4 });
  });

  it('keeps a channel with one message small, and what stands in it longer than the message', async () => {
    await using opened = await openOne();
    const { store, redis, prefix } = opened;
    const owner = { shard: 0, epoch: await store.epochOf('life'), ownerEpoch: 1 };
    await store.claim(owner);
    await store.append(owner, [record(1, 'ann')]);

    const keys = await redis.keys(`${prefix}h:{default/user:ann}:*`);
    const bytes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
    expect(keys).toHaveLength(2);
    expect(bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0)).toBeLessThan(450);
    const list = keys.find((key) => key.endsWith(':l'))!;
    const meta = keys.find((key) => key.endsWith(':m'))!;
    expect(await redis.pttl(list)).toBeLessThanOrEqual(60_000);
    expect(await redis.pttl(meta)).toBeGreaterThan(6 * 24 * 3_600_000);
  });

  it('leaves out entries that it cannot read, and says that something is missing', async () => {
    await using opened = await openOne();
    const { store, redis, prefix } = opened;
    const epoch = await store.epochOf('life');
    const owner = { shard: 0, epoch, ownerEpoch: 1 };
    await store.claim(owner);
    await store.append(owner, [record(1, 'ann'), record(2, 'ann')]);
    const list = `${prefix}h:{default/user:ann}:l`;
    const entry = (await redis.lindexBuffer(list, 0))!;
    entry[24] = 9; // a later version
    await redis.lset(list, 0, entry);

    const page = await store.read('default', 'user:ann', { epoch, offset: -1 });
    expect(page.entries.map(({ offset }) => offset)).toEqual([2]);
    expect(page.recovered).toBe(false);
  });
});
