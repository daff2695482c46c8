import { Injectable } from '@nestjs/common';
import type { OwnedShard } from '@app/bus';
import { HistoryStore, isEarlierEpoch, type Claimed } from '@app/history';
import { Log, persist, type Clock, type Timer } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import { readNote } from './commit-note.js';
import { Retained } from './retained.js';
import { ShardRun } from './shard-run.js';

/**
 * The shards that are ours now. A shard is claimed in history before its first record is read, and claimed again from its
 * committed offset on when history has lost something: what it lacks that was not committed is appended again; what it lacks
 * that was committed ends the epoch, so that nobody is told that nothing is missing.
 */
@Injectable()
export class ShardRuns {
  private readonly runs = new Map<OwnedShard, { run: ShardRun; begun: Promise<ShardRun> }>();
  /** Beginnings whose epoch is one in which nobody else has had them. */
  private readonly begunAnew = new WeakSet<OwnedShard>();
  private readonly closed = new AbortController();
  private overdue: Timer | undefined;
  private watching: Timer | undefined;
  private isLooking = false;
  /** Of the bus, as it was told last. */
  private life: string | undefined;
  private onBegun: (run: ShardRun) => void = () => {};

  constructor(
    private readonly history: HistoryStore,
    private readonly log: Log,
    private readonly metrics: JobMetrics,
  ) {}

  /** Names this life of the bus before anything is pushed, so that the first clients are welcomed with its epoch. */
  async nameEpoch(life: string): Promise<void> {
    this.life = life;
    await persist(() => this.history.epochOf(life), {
      signal: this.closed.signal,
      onFailure: (err, attempt) => this.log.warn({ err, attempt }, 'epoch not named yet'),
    });
  }

  /** The run of a shard that the bus handed over; it may be over already. */
  of(owned: OwnedShard): Promise<ShardRun> {
    const known = this.runs.get(owned);
    if (known) return known.begun;
    this.life = owned.life;
    owned.signal.addEventListener('abort', () => this.lose(owned), { once: true });
    return this.start(this.runOf(owned));
  }

  /** Calls back for each run, before its first record. */
  whenBegun(callback: (run: ShardRun) => void): void {
    this.onBegun = callback;
  }

  /** Asks history now and then whether it still has what it acknowledged: an idle shard would not notice. */
  watch(clock: Clock, everyMs = 1_000): void {
    this.watching = clock.every(everyMs, () => void this.look());
  }

  /** Takes no more, waits for what is on its way (at most `limitMs`), and ends all runs. */
  async close(clock: Clock, limitMs: number): Promise<void> {
    this.closed.abort();
    this.watching?.stop();
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

  /** Reads the epoch again, after a gateway knew another one. */
  async renew(run: ShardRun): Promise<void> {
    const epoch = await this.history.epochOf(run.owned.life);
    if (epoch !== run.epoch) this.startOver(run);
  }

  private lose(owned: OwnedShard): void {
    this.runs.delete(owned);
    // Its next owner counts on; it may be this process again, and then has begun already.
    if (![...this.runs.keys()].some(({ shard }) => shard === owned.shard)) this.metrics.unsettle(owned.shard);
  }

  private runOf(owned: OwnedShard, note?: string): ShardRun {
    const run = new ShardRun(
      owned,
      '',
      this.log,
      () => this.startOver(run),
      note,
      (counts) => this.metrics.settle(owned.shard, counts),
    );
    return run;
  }

  private start(run: ShardRun, isAgain = false): Promise<ShardRun> {
    const begun = this.begin(run, isAgain);
    if (!run.ended) this.runs.set(run.owned, { run, begun });
    return begun;
  }

  /** History is not as this run left it: another one begins at the committed offset, with history as it is by now. */
  private startOver(run: ShardRun): void {
    if (run.ended || this.isClosing) return;
    this.log.warn({ shard: run.shard, epoch: run.epoch }, 'history is not as it was left: the shard begins again');
    this.metrics.historyLost.inc({ outcome: 'begun_again' });
    const { owned, isHeld } = run;
    run.end();
    const next = this.runOf(owned, run.note);
    next.recentIds = run.recentIds;
    void this.start(next, true);
    owned.seekBack();
    if (isHeld) owned.resume();
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      const runs = [...this.runs.values()].map(({ run }) => run).filter((run) => run.hasBegun && !run.ended);
      if (runs.length === 0) await this.nameAgain();
      for (const life of new Set(runs.map(({ owned }) => owned.life))) {
        const ours = runs.filter(({ owned }) => owned.life === life);
        const asLeft = await this.history.remembers(
          life,
          ours.map((run) => run.owner),
        );
        ours.forEach((run, i) => {
          if (!asLeft[i]) this.startOver(run);
        });
      }
    } catch (err) {
      this.log.debug({ err }, 'history not looked at');
    } finally {
      this.isLooking = false;
    }
  }

  /**
   * History that was emptied has no epoch, and while the bus is away nobody has a shard to find that out by: newcomers would
   * be told positions of an epoch that is over.
   */
  private async nameAgain(): Promise<void> {
    if (this.life === undefined || (await this.history.currentEpoch()) !== undefined) return;
    const epoch = await this.history.epochOf(this.life);
    this.log.warn({ epoch }, 'history was emptied: a new epoch');
  }

  private async begin(run: ShardRun, isAgain: boolean): Promise<ShardRun> {
    try {
      if (isAgain) await this.prove(run);
      const { owned } = run;
      const noted = readNote(run.note).retained;
      run.epoch = await run.insist('epoch', () => this.history.epochOf(run.owned.life));
      if (owned.isBeginning && !this.begunAnew.has(owned)) await this.beginAnew(run);
      // An epoch from before the one that was noted: the whole store has come back from before.
      if (noted && isEarlierEpoch(run.epoch, noted.epoch)) await this.endEpoch(run);
      let claimed = await this.claim(run);
      const isBehind = noted?.epoch === run.epoch && claimed.retainedTo < noted.offset;
      if (isBehind) {
        await this.endEpoch(run);
        claimed = await this.claim(run);
      }
      run.begin(new Retained(claimed.retainedTo, noted?.epoch === run.epoch ? noted.offset : -1));
      const { shard, epoch, owner } = run;
      if (run.ended) return run;
      this.metrics.settle(shard, run.tally.counts);
      this.log.info({ shard, epoch, ownerEpoch: owner.ownerEpoch }, 'shard is ours');
      this.onBegun(run);
    } catch (error) {
      if (!run.ended) throw error;
    }
    return run;
  }

  /**
   * Offsets of this shard may have begun again. If anybody has had the shard in this epoch, positions in it are those of
   * other records: a new epoch. The claim below every owner's tells, and the fence comes after it, so that whoever follows
   * us if we die in between finds a beginning too.
   */
  private async beginAnew(run: ShardRun): Promise<void> {
    const lowest = { ...run.owner, ownerEpoch: 0 };
    if ((await run.insist('claim', () => this.history.claim(lowest))) === 'ahead') {
      await this.renewEpoch(run);
      this.log.error({ shard: run.shard, epoch: run.epoch }, 'offsets began again on the bus: a new epoch');
    }
    await this.prove(run);
    this.begunAnew.add(run.owned);
  }

  /** History lacks what was committed, and no record of it comes again: positions of this epoch must not be believed. */
  private async endEpoch(run: ShardRun): Promise<void> {
    const old = run.epoch;
    await this.renewEpoch(run);
    this.metrics.historyLost.inc({ outcome: 'epoch_ended' });
    this.log.warn(
      { shard: run.shard, from: old, to: run.epoch },
      'HISTORY LOST WHAT WAS ACKNOWLEDGED: clients that come back are told recovered:false',
    );
  }

  /**
   * A higher owner in this epoch is one of two things. The bus tells which: refused, we are the ghost; accepted under our
   * generation, the group was deleted and counts anew, which is a new epoch.
   */
  private async claim(run: ShardRun): Promise<Claimed> {
    const claimed = await run.insist('claim', () => this.history.claim(run.owner));
    if (claimed !== 'ahead') return claimed;
    await this.prove(run);
    await this.renewEpoch(run);
    const again = await run.insist('claim', () => this.history.claim(run.owner));
    if (again !== 'ahead') return again;
    run.stop('a later owner has written in the new epoch');
    throw new Error('the shard is not ours');
  }

  /** @throws when the bus does not take the shard for ours: the run is over then. */
  private async prove(run: ShardRun): Promise<void> {
    try {
      const generation = await run.owned.fence();
      if (generation === run.owned.ownerEpoch) return;
      run.stop(`the bus is at generation ${generation}`);
    } catch (error) {
      run.stop(`the bus refused us: ${error instanceof Error ? error.message : String(error)}`);
    }
    throw new Error('the shard is not ours');
  }

  /** Never earlier than what the shard's note names, or the next beginning would end it again, and so on in turn. */
  private async renewEpoch(run: ShardRun): Promise<void> {
    const old = run.epoch;
    const noted = readNote(run.note).retained?.epoch;
    run.epoch = await run.insist('epoch', () => this.history.renewEpoch(run.owned.life, old, noted));
  }
}
