/** The ids that a shard brought lately, to tell a producer's repeat (new offset) from a redo (same offset). */
export class RecentIds {
  private readonly offsets = new Map<string, number>();

  constructor(private readonly size = 10_000) {}

  /** Whether `(id, part)` came before at another offset; else remembers it. */
  isRepeat(id: string, part: number, offset: number): boolean {
    const key = `${id}/${part}`;
    const known = this.offsets.get(key);
    if (known !== undefined) return known !== offset;
    this.offsets.set(key, offset);
    if (this.offsets.size > this.size) this.offsets.delete(this.offsets.keys().next().value!);
    return false;
  }
}
