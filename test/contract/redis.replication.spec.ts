import { spawnSync } from 'node:child_process';
import { connectRedis, Metrics, silentLog } from '@app/runtime';
import { ChannelPolicies } from '../../libs/history/src/channel-policy.js';
import { HistoryLostError } from '../../libs/history/src/history-store.js';
import { openRedisHistory } from '../../libs/history/src/redis/redis.history-store.js';
import type { ReplicaSettings } from '../../libs/history/src/replica-settings.js';
import { connectTest } from '../support/redis-keys.js';
import { replicasFollow } from '../support/redis-replicas.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';

const isHere = spawnSync('redis-server', ['--version']).status === 0;
const policies = new ChannelPolicies({ 'user:': { size: 1_000, ttlMs: 60_000 } });
const settings: ReplicaSettings = { replicas: 1, waitMs: 200, isStrict: false };
const life = 'life';

async function openStore(server: RedisServer, replicas: Partial<ReplicaSettings> = {}) {
  const metrics = new Metrics();
  const link = connectRedis(server.url, { log: silentLog, name: 'history' });
  const options = { prefix: 'p:', policies, log: silentLog, metrics, replicas: { ...settings, ...replicas } };
  const store = openRedisHistory(link, options);
  const owner = { shard: 0, epoch: await store.epochOf(life), ownerEpoch: 1, retainedTo: -1 };
  await store.claim(owner);
  let offset = 0;
  const append = async () => {
    offset += 1;
    const targets = [{ channel: 'user:ann', devices: [] }];
    const record = { offset, app: 'a', id: `I${offset}`, part: 0, retain: true, expiresAtMs: 0, targets };
    await store.append(owner, [{ ...record, body: Buffer.from('body') }]);
    owner.retainedTo = offset;
  };
  const unreplicated = async () => {
    const counter = metrics.registry.getSingleMetric('skylark_history_unreplicated_total');
    return (await counter!.get()).values[0]?.value ?? 0;
  };
  return { store, owner, append, unreplicated };
}

(isHere ? describe : describe.skip)('a Redis with replicas', () => {
  let master: RedisServer;
  let replica: RedisServer | undefined;
  beforeEach(async () => {
    master = await startRedis();
  });
  afterEach(async () => {
    await replica?.stop();
    replica = undefined;
    await master.stop();
  });

  it('is waited for only while it has some', async () => {
    const { store, owner, append, unreplicated } = await openStore(master, { waitMs: 30_000 });
    await store.remembers(life, [owner]);
    await append();
    expect(store.replicated(owner)).toBeUndefined();

    replica = await startRedis({ replicaOf: master });
    await replicasFollow(master);
    await until(async () => {
      await store.remembers(life, [owner]);
      return store.replicated(owner) !== undefined;
    });
    await append();
    await store.replicated(owner);
    await master.kill(); // what is replicated is there without it
    const redis = connectTest(replica.url);
    expect(await redis.hget('p:h:shard:0', 'to')).toBe('2');
    await redis.quit();
    expect(await unreplicated()).toBe(0);
    await store.close();
  });

  it('goes on when it does not answer, counted', async () => {
    replica = await startRedis({ replicaOf: master });
    await replicasFollow(master);
    const { store, owner, append, unreplicated } = await openStore(master);
    await replica.kill('SIGSTOP');
    await append();
    await store.replicated(owner);
    expect(await unreplicated()).toBe(1);
    await replica.kill('SIGCONT');
    await store.close();
  });

  it('is waited for as long as it takes when nothing may be committed without it', async () => {
    const { store, owner, append } = await openStore(master, { isStrict: true, waitMs: 20 });
    await append();
    let isDone = false;
    const replicated = store.replicated(owner)!.then(() => (isDone = true));
    await until(async () => (await connectRounds(master)) >= 2, 'it to be asked again');
    expect(isDone).toBe(false);
    replica = await startRedis({ replicaOf: master });
    await replicated;
    await store.close();
  });

  it('tells when the server that answers has not what the other acknowledged', async () => {
    replica = await startRedis({ replicaOf: master });
    await replicasFollow(master);
    const { store, owner, append } = await openStore(master);
    await append();
    const redis = connectTest(master.url);
    await redis.flushall();
    await redis.quit();
    await expect(store.replicated(owner)).rejects.toBeInstanceOf(HistoryLostError);
    expect(await store.remembers(life, [owner])).toEqual([false]);
    await store.close();
  });
});

/** How often replicas were asked for. */
async function connectRounds(server: RedisServer): Promise<number> {
  const redis = connectTest(server.url);
  const rounds = Number(await redis.get('p:h:rounds'));
  await redis.quit();
  return rounds;
}
