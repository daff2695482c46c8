import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { startArgs } from '../support/start-args.js';

export type Role = 'gateway' | 'logic' | 'job' | 'standalone';

/** One process of the system over all its lives: killed, stopped, drained, and started again on the same ports. */
export class SoakProcess {
  /** Lives that ended without being asked to. */
  readonly crashes: string[] = [];
  lives = 0;
  private child: ChildProcess | undefined;
  private isWanted = false;

  constructor(
    readonly name: string,
    readonly role: Role,
    private readonly env: Readonly<Record<string, string>>,
    readonly logFile: string,
    /** Where it tells health and metrics, `http://host:port`. */
    readonly healthUrl: string,
    private readonly dist: string,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  start(): void {
    if (this.isRunning) return;
    this.isWanted = true;
    this.lives += 1;
    const log = openSync(this.logFile, 'a');
    const child = spawn(process.execPath, startArgs(this.role, this.dist), {
      env: { PATH: process.env.PATH ?? '', ...this.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    const dieTogether = () => child.kill('SIGKILL');
    process.once('exit', dieTogether);
    child.once('exit', (code, signal) => {
      process.off('exit', dieTogether);
      if (this.child !== child || !this.isWanted) return;
      this.crashes.push(`${this.name} ended by itself: ${signal ?? `code ${code}`}`);
      setTimeout(() => this.isWanted && this.start(), 1_000); // as a supervisor does
    });
  }

  /** Resolves when it is gone. */
  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.isWanted = false;
    if (!this.isRunning) return;
    const gone = once(this.child!, 'exit');
    if (signal === 'SIGKILL') this.child!.kill('SIGCONT');
    this.child!.kill(signal);
    await gone;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.isRunning) this.child!.kill(signal);
  }

  async isReady(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(2_000);
      return (await fetch(`${this.healthUrl}/health/ready`, { signal })).status === 200;
    } catch {
      return false;
    }
  }

  /** Kilobytes in memory; undefined when it does not run. */
  rssKb(): number | undefined {
    if (!this.isRunning) return undefined;
    try {
      const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
      return kb === undefined ? undefined : Number(kb);
    } catch {
      return undefined;
    }
  }
}
