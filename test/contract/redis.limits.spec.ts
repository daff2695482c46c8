import {
  ConnectionQuota,
  ManualClock,
  Metrics,
  RateLimit,
  SharedCounters,
  SystemClock,
  connectRedis,
  silentLog,
} from '@app/runtime';
import { connectTest, freshPrefix, removeKeys } from '../support/redis-keys.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const url = process.env['REDIS_URL'];

async function open() {
  const { host } = new URL(url!);
  const proxy = await TcpProxy.to(host);
  const prefix = freshPrefix();
  const link = connectRedis(`redis://${proxy.address}`, { log: silentLog, name: 'limits' });
  await link.connected();
  const clock = new ManualClock();
  const metrics = new Metrics();
  const shared = new SharedCounters(link, prefix, new SystemClock());
  return {
    clock,
    link,
    proxy,
    prefix,
    quota: () => new ConnectionQuota({ name: 'q', max: 2, clock, metrics, shared }),
    rate: () => new RateLimit({ name: 'r', perSecond: 2, metrics, shared }),
    locally: async () =>
      (await metrics.registry.getSingleMetricAsString('skylark_limits_counted_locally_total')).split('\n').slice(2),
    away: () => {
      proxy.refuse();
      proxy.cut();
      return until(() => link.client.status !== 'ready');
    },
    back: async () => {
      proxy.accept();
      await until(() => link.client.status === 'ready');
    },
    [Symbol.asyncDispose]: async () => {
      await link.close();
      await proxy.close();
      await removeKeys(url!, prefix);
    },
  };
}

(url ? describe : describe.skip)('limits in Redis', () => {
  it('are one for all processes', async () => {
    await using at = await open();
    const [one, other] = [at.quota(), at.quota()];
    expect([await one.enter('a'), await other.enter('a'), await one.enter('a')]).toEqual([true, true, false]);
    other.leave('a');
    expect(await one.enter('a')).toBe(true);
    const [here, there] = [at.rate(), at.rate()];
    const waits = await Promise.all([here, there, here, there].map((rate) => rate.take('a')));
    expect(waits.filter((ms) => ms > 0).length).toBeGreaterThanOrEqual(1);
  });

  it('are held by each process while Redis is away, which is counted, and by all together when it is back', async () => {
    await using at = await open();
    const [one, other] = [at.quota(), at.quota()];
    const rate = at.rate();
    expect(await one.enter('a')).toBe(true);
    await at.away();
    expect([await one.enter('a'), await one.enter('a'), await other.enter('a')]).toEqual([true, false, true]);
    expect((await Promise.all(['k', 'k', 'k'].map((key) => rate.take(key)))).map((ms) => ms > 0)).toEqual([
      false,
      false,
      true,
    ]);
    expect(await at.locally()).toEqual([
      'skylark_limits_counted_locally_total{limit="q"} 2',
      'skylark_limits_counted_locally_total{limit="r"} 3',
    ]);
    one.leave('a');
    await at.back();
    // Each says its own number with its next word.
    expect(await other.enter('a')).toBe(false);
    at.clock.advance(130_000);
    other.leave('a');
    await until(async () => {
      if (await other.enter('a')) return true;
      return false;
    }, 'a place');
  });

  it('keep nobody waiting for a Redis that hangs, and are one again when it answers', async () => {
    await using at = await open();
    const [quota, rate] = [at.quota(), at.rate()];
    expect(await quota.enter('a')).toBe(true); // the script is known from now on
    expect(await rate.take('k')).toBe(0);
    at.proxy.hold();
    const began = performance.now();
    const visit = async () => [await rate.take('x'), await quota.enter('x'), await quota.enter('y')];
    const visits = await Promise.all([visit(), visit()]);
    const took = performance.now() - began;
    expect(visits).toEqual([
      [0, true, true],
      [0, true, true],
    ]);
    expect([took > 200, took < 2_000]).toEqual([true, true]);
    expect(await quota.enter('x')).toBe(false); // by what it has itself
    expect(await at.locally()).toContain('skylark_limits_counted_locally_total{limit="r"} 2');
    at.proxy.release();
    const other = at.quota();
    await until(async () => {
      quota.leave('x');
      await quota.enter('x');
      return !(await other.enter('x'));
    }, 'all to count together again');
  });

  it('are said again in time, a few at once however many there are', async () => {
    await using at = await open();
    const quota = at.quota();
    const keys = Array.from({ length: 1_000 }, (_, n) => `k${n}`);
    for (const key of keys) await quota.enter(key);
    const { client } = at.link;
    const say = client.skylarkQuota.bind(client) as (...args: unknown[]) => Promise<0 | 1>;
    const said: string[] = [];
    let underWay = 0;
    let mostAtOnce = 0;
    Object.assign(client, {
      skylarkQuota: async (...args: unknown[]) => {
        said.push(String(args[0]));
        mostAtOnce = Math.max(mostAtOnce, (underWay += 1));
        return say(...args).finally(() => (underWay -= 1));
      },
    });
    at.clock.stall(120_000);
    at.clock.advance(10_000);
    await until(() => said.length >= keys.length && underWay === 0, 'all to be said again');
    expect(said).toEqual(keys.map((key) => `${at.prefix}limit:q:${key}`));
    expect(mostAtOnce).toBe(200);
  });

  it('leave nothing behind in Redis, and what a dead process had runs out', async () => {
    await using at = await open();
    const quota = at.quota();
    await quota.enter('a');
    await at.quota().enter('b');
    quota.leave('a');
    const redis = connectTest(url!);
    await until(async () => (await redis.keys(`${at.prefix}*`)).length === 1, 'the place to be given back');
    expect(await redis.pttl(`${at.prefix}limit:q:b`)).toBeGreaterThan(200_000);
    await redis.quit();
  });
});
