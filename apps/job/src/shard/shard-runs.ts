import { Injectable } from '@nestjs/common';
import type { OwnedShard } from '@app/bus';
import { HistoryStore } from '@app/history';
import { Log, persist, type Clock, type Timer } from '@app/runtime';
import { ShardRun } from './shard-run.js';

/** The shards that are ours now. A shard is claimed in history before its first record is read. */
@Injectable()
export class ShardRuns {
  private readonly runs = new Map<OwnedShard, { run: ShardRun; begun: Promise<ShardRun> }>();
  private readonly closed = new AbortController();
  private overdue: Timer | undefined;

  constructor(
    private readonly history: HistoryStore,
    private readonly log: Log,
  ) {}

  /** Names this life of the bus before anything is pushed, so that the first clients are welcomed with its epoch. */
  async nameEpoch(life: string): Promise<void> {
    await persist(() => this.history.epochOf(life), {
      signal: this.closed.signal,
      onFailure: (err, attempt) => this.log.warn({ err, attempt }, 'epoch not named yet'),
    });
  }

  /** The run of a shard that the bus handed over; it may be over already. */
  of(owned: OwnedShard): Promise<ShardRun> {
    const known = this.runs.get(owned);
    if (known) return known.begun;
    const run = new ShardRun(owned, '', this.log);
    const begun = this.begin(run);
    if (owned.signal.aborted) return begun;
    this.runs.set(owned, { run, begun });
    owned.signal.addEventListener('abort', () => this.runs.delete(owned), { once: true });
    return begun;
  }

  /** Takes no more, waits for what is on its way (at most `limitMs`), and ends all runs. */
  async close(clock: Clock, limitMs: number): Promise<void> {
    this.closed.abort();
    // Also those that have not begun, which waits for history as long as it is away.
    const runs = [...this.runs.values()].map(({ run }) => run);
    for (const run of runs) if (!run.ended) run.owned.pause();
    const limit = new Promise<void>((resolve) => void (this.overdue = clock.after(limitMs, resolve)));
    await Promise.race([limit, Promise.all(runs.map((run) => run.whenDelivered()))]);
    this.overdue?.stop();
    for (const run of runs) run.end();
  }

  /** No more records are taken. */
  get isClosing(): boolean {
    return this.closed.signal.aborted;
  }

  /** Reads the epoch again, after a gateway knew another one, and claims the shard in it. */
  async renew(run: ShardRun): Promise<void> {
    const epoch = await this.history.epochOf(run.owned.life);
    if (epoch === run.epoch) return;
    this.log.info({ shard: run.shard, from: run.epoch, to: epoch }, 'epoch changed');
    run.epoch = epoch;
    if ((await this.history.claim(run.owner)) === 'ahead') run.stop('a later owner has written in the new epoch');
  }

  private async begin(run: ShardRun): Promise<ShardRun> {
    try {
      run.epoch = await run.insist('epoch', () => this.history.epochOf(run.owned.life));
      if ((await this.claim(run)) === 'ahead') await this.prove(run);
      const { shard, epoch, owner } = run;
      if (!run.ended) this.log.info({ shard, epoch, ownerEpoch: owner.ownerEpoch }, 'shard is ours');
    } catch (error) {
      if (!run.ended) throw error;
    }
    return run;
  }

  private claim(run: ShardRun): Promise<'ours' | 'ahead'> {
    return run.insist('claim', () => this.history.claim(run.owner));
  }

  /**
   * A higher owner has written in this epoch. The bus tells which it is: refused, we are the ghost; accepted under our
   * generation, the group was deleted and counts anew, which is a new epoch.
   */
  private async prove(run: ShardRun): Promise<void> {
    try {
      const generation = await run.owned.fence();
      if (generation !== run.owned.ownerEpoch) return run.stop(`the bus is at generation ${generation}`);
    } catch (error) {
      return run.stop(`the bus refused us: ${error instanceof Error ? error.message : String(error)}`);
    }
    const old = run.epoch;
    run.epoch = await run.insist('epoch', () => this.history.renewEpoch(run.owned.life, old));
    if ((await this.claim(run)) === 'ahead') run.stop('a later owner has written in the new epoch');
  }
}
