import type { Log } from '@app/runtime';
import { checkNote, type OwnedShard, type ShardConsumer } from '../bus.js';
import { HandOver } from '../hand-over.js';

/** What Kafka keeps of a shard for its group: where the next owner starts, and what this one leaves to say. */
export interface Commit {
  offset: number;
  note: string;
}

/** Where a shard's commits go: to the generation that it hangs on. */
export interface ShardCommits {
  commitSoon(shard: number, commit: Commit): void;
  fence(shard: number, commit: Commit): Promise<number>;
}

/** A partition while the group says that it is ours. */
export class KafkaShard implements OwnedShard {
  readonly handOver: HandOver;
  readonly note: string;
  private readonly lost = new AbortController();

  /**
   * @param committed where this owner starts.
   * @param to.readAgain makes Kafka's entries from an offset on come again.
   */
  constructor(
    readonly shard: number,
    readonly ownerEpoch: number,
    readonly life: string,
    private committed: Commit,
    private readonly commits: ShardCommits,
    private readonly to: {
      consumer: ShardConsumer;
      log: Log;
      onTaken: () => void;
      readAgain: (offset: number) => void;
    },
  ) {
    this.note = committed.note;
    this.handOver = new HandOver(this, to.consumer, to.log, to.onTaken);
  }

  get signal(): AbortSignal {
    return this.lost.signal;
  }

  lose(): void {
    this.lost.abort();
  }

  commit(offset: number, note = this.committed.note): void {
    checkNote(note);
    const { committed } = this;
    if (this.signal.aborted || offset < committed.offset) return;
    if (offset === committed.offset && note === committed.note) return;
    this.committed = { offset, note };
    this.commits.commitSoon(this.shard, this.committed);
  }

  seekBack(): void {
    this.handOver.rewind(() => {
      this.to.readAgain(this.committed.offset);
      return [];
    });
  }

  pause(): void {
    this.handOver.pause();
  }

  resume(): void {
    this.handOver.resume();
  }

  fence(): Promise<number> {
    return this.commits.fence(this.shard, this.committed);
  }
}
