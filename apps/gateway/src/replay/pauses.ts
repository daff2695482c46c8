import type { Clock } from '@app/runtime';

/** Waits of somebody who may be told to end: then all are over at once. */
export class Pauses {
  private readonly running = new Set<() => void>();
  private hasEnded = false;

  constructor(private readonly clock: Clock) {}

  get areOver(): boolean {
    return this.hasEnded;
  }

  /** Resolves after `ms` milliseconds, or when all is over. */
  of(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.hasEnded) return resolve();
      const done = () => {
        timer.stop();
        this.running.delete(done);
        resolve();
      };
      const timer = this.clock.after(ms, done);
      this.running.add(done);
    });
  }

  end(): void {
    this.hasEnded = true;
    for (const done of this.running) done();
  }
}
