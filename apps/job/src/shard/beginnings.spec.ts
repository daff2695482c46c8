import type { OwnedShard } from '@app/bus';
import { createMemoryHistory, parsePolicies } from '@app/history';
import { Metrics, silentLog } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import { FakeShard } from './fake-shard.contract.js';
import { ShardRuns } from './shard-runs.js';

const open = () => {
  const history = createMemoryHistory(parsePolicies(''));
  return { history, runs: new ShardRuns(history, silentLog, new JobMetrics(new Metrics())) };
};
const beginning = (traits: Partial<Pick<OwnedShard, 'shard' | 'ownerEpoch' | 'fence'>> = {}) =>
  new FakeShard({ isBeginning: true, ...traits });

describe('ShardRuns of shards that begin anew', () => {
  it('keep the epoch of the bus for a shard that nobody had, though it is a beginning', async () => {
    const { history, runs } = open();
    const epoch = await history.epochOf('life');
    expect((await runs.of(beginning())).epoch).toBe(epoch);
    expect((await runs.of(beginning({ shard: 4 }))).epoch).toBe(epoch);
  });

  it('make one new epoch when shards begin again that somebody had', async () => {
    const { history, runs } = open();
    const shards = [3, 4];
    const before = await Promise.all(shards.map((shard) => runs.of(new FakeShard({ shard }))));
    const epochs: string[] = [];
    for (const shard of shards) epochs.push((await runs.of(beginning({ shard, ownerEpoch: 8 }))).epoch);

    expect(new Set(epochs).size).toBe(1);
    expect(epochs).not.toContain(before[0]!.epoch);
    expect(await history.currentEpoch()).toBe(epochs[0]);
  });

  it('make a new epoch also when the group counts from one again', async () => {
    const { runs } = open();
    const before = await runs.of(new FakeShard({ ownerEpoch: 7 }));
    const after = await runs.of(beginning({ ownerEpoch: 1 }));
    expect(after.ended).toBe(false);
    expect(after.epoch).not.toBe(before.epoch);
  });

  it('let a beginning be found again by whoever follows, until the new epoch is made', async () => {
    const { history, runs } = open();
    const before = await runs.of(new FakeShard());
    const steps: string[] = [];
    const renew = history.renewEpoch.bind(history);
    history.renewEpoch = (life, old) => {
      steps.push('new epoch');
      return renew(life, old);
    };
    const fence = () => {
      steps.push('fence');
      return Promise.resolve(8);
    };
    const after = await runs.of(beginning({ ownerEpoch: 8, fence }));
    expect(steps).toEqual(['new epoch', 'fence']);

    // Died before the fence: the next one finds a beginning in an epoch in which nobody has had the shard.
    await history.claim({ ...after.owner, shard: 9, epoch: before.epoch });
    const refused = await runs.of(beginning({ shard: 9, fence: () => Promise.reject(new Error('no more ours')) }));
    expect(refused.ended).toBe(true);
    expect((await runs.of(beginning({ shard: 9, ownerEpoch: 9 }))).epoch).toBe(after.epoch);
  });
});
