import type { OwnedShard } from '@app/bus';
import { GhostOwnerError, HistoryLostError, type ShardOwner } from '@app/history';
import { persist, type Log } from '@app/runtime';
import { RecentIds } from './recent-ids.js';
import { formatNote, readNote } from './commit-note.js';
import { Retained } from './retained.js';
import { Tally, type Counts } from './tally.js';
import { Watermark } from './watermark.js';

/**
 * Our time as a shard's owner, and all that is remembered of the shard during it. Ends when the bus takes the shard back,
 * or when somebody shows us that we are its ghost.
 */
export class ShardRun {
  readonly watermark: Watermark;
  /** What became of the records that are not committed yet. */
  readonly tally: Tally;
  recentIds = new RecentIds();
  /** What history had when the shard was claimed, and has taken since. */
  retained = new Retained();
  /** The shard was claimed. */
  hasBegun = false;
  /** What the last commit said beside its offset. */
  note: string;
  /** Nodes that have not been told yet of what they can find in history only, since an owner before us perhaps. */
  readonly behind: Set<string>;
  private readonly ending = new AbortController();
  private holders = 0;

  constructor(
    readonly owned: OwnedShard,
    /** The name of the bus's life; changes when somebody finds that offsets began again. */
    public epoch: string,
    private readonly log: Log,
    private readonly onHistoryLost: (run: ShardRun) => void = () => {},
    note = owned.note,
    onCommit: (counts: Counts) => void = () => {},
  ) {
    this.note = note;
    const left = readNote(note);
    this.behind = left.behind;
    this.tally = new Tally(left.counts);
    this.watermark = new Watermark((offset) => {
      if (this.ended) return;
      const counts = this.tally.settle(offset);
      this.note = formatNote(this.retained.note(this.epoch, offset), counts, this.behind);
      owned.commit(offset, this.note);
      onCommit(counts);
    });
    if (owned.signal.aborted) this.ending.abort();
    else owned.signal.addEventListener('abort', () => this.ending.abort(), { once: true, signal: this.signal });
  }

  begin(retained: Retained): void {
    this.retained = retained;
    this.hasBegun = true;
  }

  get shard(): number {
    return this.owned.shard;
  }

  get owner(): ShardOwner {
    return {
      shard: this.shard,
      epoch: this.epoch,
      ownerEpoch: this.owned.ownerEpoch,
      retainedTo: this.retained.to,
    };
  }

  /** Aborted when this run is over: nothing may be committed, retained or delivered after it. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  get ended(): boolean {
    return this.ending.signal.aborted;
  }

  /** Ends the run while the bus still believes that the shard is ours; a hand-over starts a new one. */
  stop(why: string): void {
    if (this.ended) return;
    this.log.warn({ shard: this.shard, ownerEpoch: this.owned.ownerEpoch, epoch: this.epoch, why }, 'shard stopped');
    this.ending.abort();
    this.owned.pause();
  }

  /** Ends the run: what is not acknowledged is for the next one, here or elsewhere. */
  end(): void {
    this.ending.abort();
  }

  /** Whether the bus was asked to hold back. */
  get isHeld(): boolean {
    return this.holders > 0;
  }

  /** Resolves once nothing is on its way any more, or the run is over. */
  whenDelivered(): Promise<void> {
    if (this.ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
      void this.watermark.whenDrained().then(resolve);
    });
  }

  /** A lane is full: the bus is asked to hold back until as many have let go as have held. */
  hold(): void {
    this.holders += 1;
    if (this.holders === 1 && !this.ended) this.owned.pause();
  }

  letGo(): void {
    this.holders -= 1;
    if (this.holders === 0 && !this.ended) this.owned.resume();
  }

  /**
   * Tries until it succeeds: an outage stops the shard, it loses nothing.
   * @throws when the run is over; a GhostOwnerError ends it, and a HistoryLostError lets the next one begin.
   */
  async insist<T>(what: string, task: () => Promise<T>): Promise<T> {
    return persist(
      async () => {
        try {
          return await task();
        } catch (error) {
          if (error instanceof GhostOwnerError) this.stop(error.message || 'a later owner has written');
          if (error instanceof HistoryLostError && !this.ended) this.onHistoryLost(this);
          throw error;
        }
      },
      {
        signal: this.signal,
        maxMs: 1_000, // where a store that is away does not answer, trying has been the longer wait
        onFailure: (err, attempt) => {
          if (!this.ended) this.log.warn({ err, attempt, shard: this.shard, what }, 'shard waits');
        },
      },
    );
  }
}
