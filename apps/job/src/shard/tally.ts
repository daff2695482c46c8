export const outcomes = ['consumed', 'dead', 'expired', 'duplicate'] as const;

/** What became of a record: it went its way, or left it. */
export type Outcome = (typeof outcomes)[number];

/** How many records of a shard are committed, by what became of them. */
export type Counts = Readonly<Record<Outcome, number>>;

export const noCounts: Counts = { consumed: 0, dead: 0, expired: 0, duplicate: 0 };

/**
 * What became of each record of a shard. A record counts when it is committed, and the counts are committed with it, so
 * that they are right whoever dies in between.
 */
export class Tally {
  private offsets: number[] = [];
  private first = 0;
  private last = -1;
  private readonly others = new Map<number, Outcome>();
  private readonly settled: Record<Outcome, number>;

  /** @param before what the last commit said. */
  constructor(before: Counts) {
    this.settled = { ...before };
  }

  /** How many records it holds that are not committed, and a few that are. */
  get size(): number {
    return this.offsets.length;
  }

  /** Offsets rise; what is read again is no other record. */
  read(entries: readonly { offset: number }[]): void {
    for (const { offset } of entries) {
      if (offset <= this.last) continue;
      this.last = offset;
      this.offsets.push(offset);
    }
  }

  /** It was not consumed. */
  mark(offset: number, outcome: Exclude<Outcome, 'consumed'>): void {
    this.others.set(offset, outcome);
  }

  /** All below `offset` is about to be committed: what the commit says. */
  settle(offset: number): Counts {
    while (this.first < this.offsets.length && this.offsets[this.first]! < offset) {
      const settled = this.offsets[this.first]!;
      this.settled[this.others.get(settled) ?? 'consumed'] += 1;
      this.others.delete(settled);
      this.first += 1;
    }
    if (this.first > 1_000 && this.first * 2 > this.offsets.length) {
      this.offsets = this.offsets.slice(this.first);
      this.first = 0;
    }
    return this.counts;
  }

  /** Of what is committed. */
  get counts(): Counts {
    return { ...this.settled };
  }
}
