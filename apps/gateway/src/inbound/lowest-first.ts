/** The few lowest of many items, in order, without sorting the many. */
export class LowestFirst<T> {
  private kept: T[] = [];
  private ceiling = Infinity;

  constructor(
    private readonly limit: number,
    private readonly rank: (item: T) => number,
  ) {}

  offer(item: T): void {
    if (this.rank(item) >= this.ceiling) return;
    if (this.kept.push(item) >= 2 * this.limit) this.prune();
  }

  items(): T[] {
    this.prune();
    return this.kept;
  }

  private prune(): void {
    this.kept.sort((a, b) => this.rank(a) - this.rank(b));
    if (this.kept.length < this.limit) return;
    this.kept.length = this.limit;
    this.ceiling = this.rank(this.kept.at(-1)!);
  }
}
