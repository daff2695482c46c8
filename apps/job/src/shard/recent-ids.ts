/** The ids that a shard brought lately, to tell a producer's repeat (new offset) from a redo (same offset). */
export class RecentIds {
  private readonly offsets = new Map<string, number>();

  constructor(private readonly size = 10_000) {}

  /**
   * Whether `(id, part)` came before at another offset; else remembers it.
   * @param replayOf where it died before it was sent again: that it came there is no repeat.
   */
  isRepeat(id: string, part: number, offset: number, replayOf?: number): boolean {
    const key = keyOf(id, part);
    const known = this.offsets.get(key);
    if (known !== undefined && known !== replayOf) return known !== offset;
    this.offsets.delete(key);
    this.offsets.set(key, offset);
    if (this.offsets.size > this.size) this.offsets.delete(this.offsets.keys().next().value!);
    return false;
  }

  /** What died there may come again. */
  forget(id: string, part: number, offset: number): void {
    const key = keyOf(id, part);
    if (this.offsets.get(key) === offset) this.offsets.delete(key);
  }
}

const keyOf = (id: string, part: number): string => `${id}/${part}`;
