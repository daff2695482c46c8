/** A record that is on its way in some lanes. */
export interface Expected {
  readonly offset: number;
  /** Lanes that have not acknowledged it yet. */
  waiting: number;
}

/**
 * How far a shard may be committed: up to the lowest offset that some lane has not acknowledged. Offsets come in rising
 * order, with gaps.
 */
export class Watermark {
  private expected: Expected[] = [];
  private first = 0;
  private reached = -1;
  private committed = -1;
  private drained: (() => void)[] = [];

  constructor(private readonly commit: (offset: number) => void) {}

  /** A record goes to so many lanes, at least one. */
  expect(offset: number, lanes: number): Expected {
    const entry = { offset, waiting: lanes };
    this.expected.push(entry);
    return entry;
  }

  /** All up to this offset was read, and each record is expected by now or done. */
  read(offset: number): void {
    this.reached = Math.max(this.reached, offset);
    this.advance();
  }

  /** One lane is done with these: acknowledged, or given up and counted. */
  acknowledged(entries: Iterable<Expected>): void {
    for (const entry of entries) entry.waiting -= 1;
    this.advance();
  }

  /** Records that some lane has not acknowledged. */
  get pending(): number {
    return this.expected.length - this.first;
  }

  /** Resolves once nothing is pending. */
  whenDrained(): Promise<void> {
    return this.pending === 0 ? Promise.resolve() : new Promise((resolve) => this.drained.push(resolve));
  }

  private advance(): void {
    while (this.expected[this.first]?.waiting === 0) this.first += 1;
    if (this.first > 1_000 && this.first * 2 > this.expected.length) {
      this.expected = this.expected.slice(this.first);
      this.first = 0;
    }
    const offset = this.expected[this.first]?.offset ?? this.reached + 1;
    if (offset > this.committed) {
      this.committed = offset;
      this.commit(offset);
    }
    if (this.pending === 0) for (const resolve of this.drained.splice(0)) resolve();
  }
}
