/** Time as a collaborator: tests move it. */
export abstract class Clock {
  /** Milliseconds since 1970. */
  abstract now(): number;
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

  constructor(private current = 1_000_000) {
    super();
  }

  now(): number {
    return this.current;
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
