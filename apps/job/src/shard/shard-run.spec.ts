import { GhostOwnerError } from '@app/history';
import { silentLog } from '@app/runtime';
import { FakeShard } from './fake-shard.contract.js';
import { ShardRun } from './shard-run.js';

function open() {
  const owned = new FakeShard();
  return { run: new ShardRun(owned, 'epoch', silentLog), calls: owned.calls, lost: owned.lost };
}

describe('ShardRun', () => {
  it('commits nothing once the shard is lost', () => {
    const { run, calls, lost } = open();
    const record = run.watermark.expect(4, 1);
    run.watermark.read(4);
    lost.abort();
    run.watermark.acknowledged([record]);
    expect(calls).toEqual(['commit 4']);
  });

  it('resumes when the last full lane has room', () => {
    const { run, calls } = open();
    run.hold();
    run.hold();
    run.letGo();
    expect(calls).toEqual(['pause']);
    run.letGo();
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('is over, and paused, when it is stopped', () => {
    const { run, calls } = open();
    run.stop('a ghost');
    expect(run.ended).toBe(true);
    run.hold();
    run.letGo();
    expect(calls).toEqual(['pause']);
  });

  it('insists until the shard is lost', async () => {
    const { run, lost } = open();
    let tries = 0;
    const task = () => {
      tries += 1;
      if (tries === 2) lost.abort();
      return Promise.reject(new Error('away'));
    };
    await expect(run.insist('history', task)).rejects.toThrow('away');
    expect(tries).toBe(2);
  });

  it('ends at once when a later owner has written', async () => {
    const { run } = open();
    const ghost = new GhostOwnerError('later');
    await expect(run.insist('history', () => Promise.reject(ghost))).rejects.toThrow('later');
    expect(run.ended).toBe(true);
  });

  it('tells when nothing is on its way, or the run is over', async () => {
    const { run, lost } = open();
    await run.whenDelivered();
    run.watermark.expect(1, 1);
    const delivered = run.whenDelivered();
    lost.abort();
    await delivered;
    expect(run.watermark.pending).toBe(1);
  });
});
