import { createMemoryHistory, parsePolicies } from '@app/history';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import { FakeShard } from './fake-shard.contract.js';
import { ShardRuns } from './shard-runs.js';

describe('ShardRuns', () => {
  it('end with the process, also one that still waits for history to begin', async () => {
    const history = createMemoryHistory(parsePolicies(''));
    history.epochOf = () => Promise.reject(new Error('history is away'));
    const runs = new ShardRuns(history, silentLog, new JobMetrics(new Metrics()));
    const begun = runs.of(new FakeShard());
    await runs.close(new ManualClock(), 5_000);
    expect((await begun).ended).toBe(true);
  });
});
