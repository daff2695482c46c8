/** Time as a collaborator: tests move it. */
export abstract class Clock {
  /** Milliseconds since 1970, for what is told to others or stored. The machine's administrators may set it at any time. */
  abstract now(): number;
  /** Milliseconds since some moment that says nothing, for how long something takes: no setting of the wall clock moves it. */
  abstract monotonic(): number;
  /** Runs `task` every `ms` milliseconds until stopped. Does not keep the process alive. */
  abstract every(ms: number, task: () => void): Timer;
  /** Runs `task` once after `ms` milliseconds unless stopped. Does not keep the process alive. */
  abstract after(ms: number, task: () => void): Timer;
}

export interface Timer {
  stop(): void;
}

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  every(ms: number, task: () => void): Timer {
    const timer = setInterval(task, ms).unref();
    return { stop: () => clearInterval(timer) };
  }

  after(ms: number, task: () => void): Timer {
    const timer = setTimeout(task, ms).unref();
    return { stop: () => clearTimeout(timer) };
  }
}

/** Stands still until told to move. Due tasks run in order of time inside `advance`. */
export class ManualClock extends Clock {
  private readonly tasks = new Set<{ at: number; every?: number; task: () => void }>();
  /** Of another size than wall time, so that a mixture of the two is seen. */
  private current = 5_000;
  private wallAheadMs: number;

  constructor(wallMs = 1_000_000) {
    super();
    this.wallAheadMs = wallMs - this.current;
  }

  now(): number {
    return this.current + this.wallAheadMs;
  }

  monotonic(): number {
    return this.current;
  }

  /** Sets the wall clock, forwards or back, as a time server or a resumed machine does: no time passes. */
  jump(ms: number): void {
    this.wallAheadMs += ms;
  }

  /** The process is stopped so long: time passes, and timers are late by it. */
  stall(ms: number): void {
    this.current += ms;
    for (const entry of this.tasks) entry.at += ms;
  }

  every(ms: number, task: () => void): Timer {
    return this.schedule({ at: this.current + ms, every: ms, task });
  }

  after(ms: number, task: () => void): Timer {
    return this.schedule({ at: this.current + ms, task });
  }

  advance(ms: number): void {
    const end = this.current + ms;
    for (;;) {
      const due = [...this.tasks].filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.current = due.at;
      if (due.every === undefined) this.tasks.delete(due);
      else due.at += due.every;
      due.task();
    }
    this.current = end;
  }

  private schedule(entry: { at: number; every?: number; task: () => void }): Timer {
    this.tasks.add(entry);
    return { stop: () => this.tasks.delete(entry) };
  }
}
