import type { HistoryStore } from '@app/history';
import type { Clock } from '@app/runtime';

/** A job looks every second whether history is as it left it, and gets its shards back within a few after a failure. */
const patienceMs = 5_000;
const againMs = 100;

/**
 * History that was emptied, or is new, knows no epoch until a job has looked. Whoever is let in meanwhile is told a
 * position that nobody will ever know again, so newcomers wait a little for one, all of them together.
 */
export class EpochWait {
  private waiting: Promise<boolean> | undefined;
  private isInVain = false;

  constructor(
    private readonly history: HistoryStore,
    private readonly clock: Clock,
  ) {}

  /** History was seen to have one: the next time that it has none is waited for again. */
  found(): void {
    this.isInVain = false;
  }

  /** Resolves to true when history has one, to false at once when it was waited for in vain already. */
  appears(): Promise<boolean> {
    if (this.isInVain) return Promise.resolve(false);
    this.waiting ??= this.wait().finally(() => (this.waiting = undefined));
    return this.waiting;
  }

  private async wait(): Promise<boolean> {
    const endMs = this.clock.monotonic() + patienceMs;
    while (this.clock.monotonic() < endMs) {
      await new Promise<void>((resolve) => this.clock.after(againMs, resolve));
      if ((await this.history.currentEpoch()) !== undefined) return true;
    }
    this.isInVain = true;
    return false;
  }
}
