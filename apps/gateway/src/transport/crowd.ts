import type { Clock } from '@app/runtime';

/** The longest that one waits for those behind. */
const atMostMs = 50;

/**
 * Node accepts one connection in a turn of its event loop, so a crowd comes one by one, and each would be asked about,
 * registered and looked up alone: the turn gets long, the next one waits, and at some hundred a second those behind have
 * given up before they are seen. Together they cost little more than one, and the turns between are short.
 */
export class Crowd {
  private waiting: (() => void)[] = [];
  private seen = 0;
  private sinceMs = 0;

  constructor(private readonly clock: Clock) {}

  /** Resolves for all who came in turns that follow each other: with the first turn in which nobody comes. */
  together(): Promise<void> {
    return new Promise((resolve) => {
      if (this.waiting.push(resolve) > 1) return;
      this.seen = 0;
      this.sinceMs = this.clock.monotonic();
      setImmediate(this.look);
    });
  }

  private readonly look = (): void => {
    const { length } = this.waiting;
    if (length > this.seen && this.clock.monotonic() - this.sinceMs < atMostMs) {
      this.seen = length;
      setImmediate(this.look);
      return;
    }
    const together = this.waiting;
    this.waiting = [];
    for (const goOn of together) goOn();
  };
}
