import { getEventListeners } from 'node:events';
import { createMemoryHistory, HistoryLostError, newEpoch, parsePolicies, type HistoryStore } from '@app/history';
import { formatPosition } from '@app/protocol';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import { FakeShard } from './fake-shard.contract.js';
import type { ShardRun } from './shard-run.js';
import { ShardRuns } from './shard-runs.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function open() {
  const clock = new ManualClock();
  const history = createMemoryHistory(parsePolicies('room:loose=0'), clock);
  const metrics = new JobMetrics(new Metrics());
  const runs = new ShardRuns(history, silentLog, metrics);
  const epoch = await history.epochOf('life');
  const lost = async () =>
    Object.fromEntries((await metrics.historyLost.get()).values.map(({ labels, value }) => [labels.outcome, value]));
  return { clock, history, runs, epoch, lost };
}

const record = (offset: number, room = 'kept') => ({
  offset,
  app: 'default',
  id: `id-${offset}`,
  part: 0,
  retain: true,
  expiresAtMs: 0,
  targets: [{ channel: `room:${room}`, devices: [] }],
  body: Buffer.from('x'),
});

/** What the pipeline does with a batch. */
async function carry(history: HistoryStore, run: ShardRun, ...records: ReturnType<typeof record>[]) {
  run.retained.acknowledged(records, await history.append(run.owner, records));
  run.watermark.read(records.at(-1)!.offset);
}

/** From now on the store is as it was when the shard was retained to there. */
const comesBackWith = (history: HistoryStore, retainedTo: number) => {
  history.claim = () => Promise.resolve({ retainedTo });
};

const findLost = (run: ShardRun) =>
  run.insist('history', () => Promise.reject(new HistoryLostError('older'))).catch(() => {});

describe('ShardRuns', () => {
  it('end with the process, also one that still waits for history to begin', async () => {
    const { history, runs } = await open();
    history.epochOf = () => Promise.reject(new Error('history is away'));
    const begun = runs.of(new FakeShard());
    await runs.close(new ManualClock(), 5_000);
    expect((await begun).ended).toBe(true);
  });

  it('leave with each commit up to where history must have what lies below it', async () => {
    const { history, runs, epoch } = await open();
    const owned = new FakeShard();
    const run = await runs.of(owned);
    await carry(history, run, record(0, 'loose'));
    await carry(history, run, record(1), record(2, 'loose'));
    const waiting = run.watermark.expect(4, 1);
    await carry(history, run, record(3), record(4), record(5));
    run.watermark.acknowledged([waiting]);
    expect(owned.calls).toEqual(['commit 1', 'commit 3', 'commit 4', 'commit 6']);
    expect(owned.notes).toEqual([-1, 1, 3, 5].map((offset) => `${formatPosition({ epoch, offset })} #0/0/0/0`));
  });
});

describe('a shard whose history is not as it was left', () => {
  it('begins again at the committed offset, when nothing below it is missing', async () => {
    const { history, runs, epoch, lost } = await open();
    const owned = new FakeShard();
    const run = await runs.of(owned);
    run.hold();
    run.watermark.expect(2, 1);
    await carry(history, run, record(0), record(1), record(2));
    comesBackWith(history, 1);
    await findLost(run);
    expect(run.ended).toBe(true);
    const next = await runs.of(owned);
    expect(next).not.toBe(run);
    expect(next).toMatchObject({ epoch, retained: { to: 1 }, ended: false });
    expect(owned.calls).toEqual(['pause', 'commit 2', 'seekBack', 'resume']);
    expect(await lost()).toEqual({ begun_again: 1 });
  });

  it('ends the epoch when something below the committed offset is missing', async () => {
    const { history, runs, epoch, lost } = await open();
    const owned = new FakeShard();
    const run = await runs.of(owned);
    await carry(history, run, record(0), record(1), record(2));
    comesBackWith(history, 1);
    await findLost(run);
    const next = await runs.of(owned);
    expect(next.epoch).not.toBe(epoch);
    expect(await history.currentEpoch()).toBe(next.epoch);
    expect(await lost()).toEqual({ begun_again: 1, epoch_ended: 1 });
  });

  it('is known by the note of the owner before', async () => {
    const { history, runs, epoch } = await open();
    const note = formatPosition({ epoch, offset: 7 });
    const behind = await runs.of(new FakeShard({ note }));
    expect(behind.epoch).not.toBe(epoch);
    const now = behind.epoch;
    expect(await history.currentEpoch()).toBe(now);
    const later = await runs.of(new FakeShard({ shard: 4, note }));
    expect(later.epoch).toBe(now); // ended before: what the note says is of no use any more
  });

  it('ends an epoch that was over before the one that was noted', async () => {
    const { clock, history, runs, epoch } = await open();
    const note = formatPosition({ epoch: newEpoch(clock.now() + 1), offset: -1 });
    const run = await runs.of(new FakeShard({ note }));
    expect(run.epoch).not.toBe(epoch);
    expect(await history.currentEpoch()).toBe(run.epoch);
  });

  it('is in one new epoch for all its shards, though the clock that named the one before was ahead', async () => {
    const { clock, history, runs } = await open();
    const note = formatPosition({ epoch: newEpoch(clock.now() + 3_600_000), offset: -1 });
    const shards = [new FakeShard({ shard: 4, note }), new FakeShard({ shard: 5, note })];
    for (const owned of shards) await runs.of(owned);
    runs.watch(clock);
    const named: (string | undefined)[] = [];
    for (let second = 0; second < 5; second += 1) {
      clock.advance(1_000);
      await settled();
      named.push(await history.currentEpoch());
    }
    expect(new Set(named).size).toBe(1);
    await runs.close(clock, 0);
  });

  it('gets a new epoch though nobody has a shard, but only where history knows none', async () => {
    const { clock, history, runs, epoch } = await open();
    const owned = new FakeShard();
    await runs.of(owned);
    owned.lost.abort(); // the bus is away
    runs.watch(clock);
    clock.advance(1_000);
    await settled();
    expect(await history.currentEpoch()).toBe(epoch);

    const emptied = createMemoryHistory(parsePolicies(''), clock);
    Object.assign(history, {
      currentEpoch: () => emptied.currentEpoch(),
      epochOf: (life: string) => emptied.epochOf(life),
    });
    clock.advance(1_000);
    await settled();
    expect(await history.currentEpoch()).toBeDefined();
    expect(await history.currentEpoch()).not.toBe(epoch);
    await runs.close(clock, 0);
  });

  it('leaves nothing behind at its shard, however often that happens', async () => {
    const { runs } = await open();
    const owned = new FakeShard();
    for (let times = 0; times < 5; times += 1) await findLost(await runs.of(owned));
    await runs.of(owned);
    expect(getEventListeners(owned.signal, 'abort').length).toBeLessThan(4);
  });

  it('is found where nothing comes', async () => {
    const { clock, history, runs } = await open();
    const owned = new FakeShard();
    await runs.of(owned);
    runs.watch(clock);
    clock.advance(1_000);
    await settled();
    expect(owned.calls).toEqual([]);
    await history.renewEpoch('life', await history.epochOf('life'));
    clock.advance(1_000);
    await settled();
    expect(owned.calls).toEqual(['seekBack']);
    expect((await runs.of(owned)).epoch).toBe(await history.currentEpoch());
    clock.advance(1_000);
    await settled();
    expect(owned.calls).toEqual(['seekBack']);
    await runs.close(clock, 0);
  });

  it('is claimed by no ghost', async () => {
    const { history, runs } = await open();
    const owned = new FakeShard({ fence: () => Promise.reject(new Error('of an earlier generation')) });
    const run = await runs.of(owned);
    const epoch = await history.renewEpoch('life', run.epoch);
    await history.claim({ shard: 3, epoch, ownerEpoch: 1 }); // the group was deleted: its owners count anew
    await runs.renew(run);
    expect((await runs.of(owned)).ended).toBe(true);
    expect(await history.remembers('life', [{ shard: 3, epoch, ownerEpoch: 1 }])).toEqual([true]);
  });
});
