import { spawnSync } from 'node:child_process';
import { startCluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { ledgersEven } from '../support/ledgers.js';
import { startCluster as startRedisCluster, startSentinels } from '../support/redis-sets.js';
import { Follower, keepsAll, Stream } from './stream.js';

const isHere = process.env.KAFKA_BROKERS && spawnSync('redis-server', ['--version']).status === 0;
const describeWithServers = isHere ? describe : describe.skip;
const rooms = ['a', 'b', 'c'];

/**
 * Pushes to rooms, lets `fail` happen in mid-stream, and then everybody must have everything, or have been told.
 * @returns how many pushes were accepted.
 */
async function survived(env: Record<string, string>, fail: () => Promise<void>): Promise<number> {
  await using cluster = await startCluster({ on: 'servers', gateways: 2, jobs: 2, env: { ...keepsAll, ...env } });
  const people = await Promise.all(numbers(0, 2).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));
  const stream = await Stream.into(cluster, rooms);
  await fail();
  await stream.more(30);
  await stream.stop();
  for (const person of people) {
    await person.hasAll(stream);
    await person.leave();
  }
  await ledgersEven(cluster);
  return [...stream.accepted.values()].flat().length;
}

describeWithServers('Redis fails over in mid-stream, and everybody has everything or was told', () => {
  it('to the replica that the sentinels choose', async () => {
    await using set = await startSentinels();
    const env = { REDIS_URL: `redis+sentinel://${set.hosts.join()}/mymaster` };
    const pushes = await survived(env, async () => {
      await set.primary.kill();
      await set.hasTakenOver();
    });
    expect(pushes).toBeGreaterThanOrEqual(150);
  }, 180_000);

  it('to the replica of the node of a cluster that has our slot', async () => {
    const set = await startRedisCluster({ replicas: 1 });
    try {
      const REDIS_PREFIX = '{failover}:';
      const env = { REDIS_URL: `redis+cluster://${set.hosts.join()}`, REDIS_PREFIX };
      const pushes = await survived(env, async () => {
        const owner = await set.ownerOf(REDIS_PREFIX);
        await owner.kill();
        await set.hasTakenOver(owner, REDIS_PREFIX);
      });
      expect(pushes).toBeGreaterThanOrEqual(150);
    } finally {
      await set.stop();
    }
  }, 180_000);
});
