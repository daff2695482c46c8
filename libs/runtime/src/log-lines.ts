import { pino } from 'pino';
import sonic from 'sonic-boom';

const { SonicBoom } = sonic; // CommonJS whose names Node does not see

/** What a reader may be behind: some ten thousand lines. */
const maxBehindBytes = 16 * 2 ** 20;

/**
 * Lines for who reads a file descriptor, in the background. A reader that is slow holds nobody up; one that stands still
 * costs so much memory and no more: what comes on top is dropped, counted, and told once it reads on. One that is gone is
 * the end of the lines only; what pino opens by itself would try for ever at the exit of a process.
 */
export class LogLines {
  /** How many lines nobody will ever read. */
  dropped = 0;
  private told = 0;
  private isGone = false;
  private readonly lines: sonic.SonicBoom;

  constructor(fd: number, maxLength = maxBehindBytes) {
    this.lines = new SonicBoom({ fd, sync: false, maxLength });
    this.lines.on('error', () => {
      this.isGone = true; // where could it be told?
    });
    this.lines.on('drop', () => {
      this.dropped += 1;
    });
    const own = pino({ base: {}, timestamp: pino.stdTimeFunctions.isoTime }, this);
    this.lines.on('drain', () => {
      const lines = this.dropped - this.told;
      this.told = this.dropped;
      if (lines > 0) own.warn({ lines }, 'log lines dropped: nobody read them in time');
    });
  }

  write(line: string): void {
    if (this.isGone) this.dropped += 1;
    else this.lines.write(line);
  }

  /** Waits until what was written is read, or nobody is there to read it. */
  flush(): void {
    try {
      this.lines.flushSync();
    } catch {
      // nobody is there to read the last ones
    }
  }
}

/** All of this process. */
export const stdout = new LogLines(1);
process.on('exit', () => stdout.flush());
