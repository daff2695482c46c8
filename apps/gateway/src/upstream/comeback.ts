import { backoffMs, type Clock, type Log } from '@app/runtime';

/**
 * What a node does when the registry may have lost it: everything is written again, then its channels are compared with
 * history, because what was pushed meanwhile may have passed it by. In this order, one run at a time, until it is done.
 */
export class Comeback {
  private isAsked = false;
  private isRunning = false;
  private isOver = false;

  constructor(
    private readonly steps: readonly (() => Promise<void> | void)[],
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** A run that is under way is followed by another one: it may have gone too early. */
  begin(): void {
    this.isAsked = true;
    if (this.isRunning) return;
    this.isRunning = true;
    void this.run();
  }

  /** Tries no more. */
  stop(): void {
    this.isOver = true;
  }

  private async run(): Promise<void> {
    for (let failures = 0; this.isAsked && !this.isOver;) {
      this.isAsked = false;
      try {
        for (const step of this.steps) await step();
        this.log.info({}, 'registered again');
        failures = 0;
      } catch (error) {
        this.isAsked = true;
        failures += 1;
        this.log.warn({ err: error, failures }, 'not registered again yet, trying again');
        await new Promise<void>((resolve) => this.clock.after(backoffMs(failures), resolve));
      }
    }
    this.isRunning = false;
  }
}
