import { isRetained, type Kept } from '@app/history';
import { formatPosition } from '@app/protocol';

/** What history has of a shard: all that it has acknowledged, and how much of that lies below a commit. */
export class Retained {
  /** Not yet below a commit, rising. */
  private offsets: number[] = [];

  /**
   * @param to the highest offset that history has acknowledged; -1 = none.
   * @param below the highest of them that is committed; -1 = none.
   */
  constructor(
    public to = -1,
    private below = -1,
  ) {}

  acknowledged(records: readonly { offset: number }[], kept: Kept): void {
    records.forEach(({ offset }, i) => {
      if (!isRetained(kept[i]!)) return;
      this.to = Math.max(this.to, offset);
      this.offsets.push(offset);
    });
  }

  /** What the commit of `offset` leaves to whoever begins there: the epoch, and up to where history must have it. */
  note(epoch: string, offset: number): string {
    let count = 0;
    while (count < this.offsets.length && this.offsets[count]! < offset) count += 1;
    if (count > 0) this.below = Math.max(this.below, this.offsets[count - 1]!);
    this.offsets.splice(0, count);
    return formatPosition({ epoch, offset: this.below });
  }
}
