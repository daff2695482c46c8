import type { OwnedShard } from '@app/bus';
import { createMemoryHistory, parsePolicies } from '@app/history';
import { ManualClock, silentLog } from '@app/runtime';
import { ShardRuns } from './shard-runs.js';

const owned: OwnedShard = {
  shard: 3,
  ownerEpoch: 1,
  life: 'life',
  signal: new AbortController().signal,
  commit: () => {},
  pause: () => {},
  resume: () => {},
  fence: () => Promise.resolve(1),
};

describe('ShardRuns', () => {
  it('end with the process, also one that still waits for history to begin', async () => {
    const history = createMemoryHistory(parsePolicies(''));
    history.epochOf = () => Promise.reject(new Error('history is away'));
    const runs = new ShardRuns(history, silentLog);
    const begun = runs.of(owned);
    await runs.close(new ManualClock(), 5_000);
    expect((await begun).ended).toBe(true);
  });
});
