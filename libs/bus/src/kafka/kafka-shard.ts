import type { Log } from '@app/runtime';
import type { OwnedShard, ShardConsumer } from '../bus.js';
import { HandOver } from '../hand-over.js';

/** Where a shard's commits go: to the generation that it hangs on. */
export interface ShardCommits {
  commitSoon(shard: number, offset: number): void;
  fence(shard: number, offset: number): Promise<number>;
}

/** A partition while the group says that it is ours. */
export class KafkaShard implements OwnedShard {
  readonly handOver: HandOver;
  private readonly lost = new AbortController();

  /** @param committed where this owner starts. */
  constructor(
    readonly shard: number,
    readonly ownerEpoch: number,
    readonly life: string,
    private committed: number,
    private readonly commits: ShardCommits,
    to: { consumer: ShardConsumer; log: Log; onTaken: () => void },
  ) {
    this.handOver = new HandOver(this, to.consumer, to.log, to.onTaken);
  }

  get signal(): AbortSignal {
    return this.lost.signal;
  }

  lose(): void {
    this.lost.abort();
  }

  commit(offset: number): void {
    if (this.signal.aborted || offset <= this.committed) return;
    this.committed = offset;
    this.commits.commitSoon(this.shard, offset);
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
