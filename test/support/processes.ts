import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Clients } from './clients.js';
import { clusterEnv } from './cluster.js';
import { startArgs } from './start-args.js';

export type AppName = 'gateway' | 'logic' | 'job' | 'standalone';

/** The log line that names the port of its health and metrics. */
const listening: Record<AppName, string> = {
  gateway: 'gateway listens',
  logic: 'logic listens',
  standalone: 'logic listens',
  job: 'health and metrics listen',
};

/** One built app in its own process, and what it said. */
export class AppProcess {
  readonly lines: Record<string, unknown>[] = [];
  /** What it printed that was no log line. */
  readonly text: string[] = [];
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private readonly child: ChildProcess;
  private readonly waiters = new Set<() => void>();

  constructor(
    readonly app: AppName,
    env: Record<string, string>,
    nodeArgs: readonly string[] = [],
  ) {
    this.child = spawn(process.execPath, [...nodeArgs, ...startArgs(app)], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => this.take(line));
    }
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.waiters.forEach((wake) => wake());
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The first log line with this message, said already or to come. Rejects when the process ends first. */
  async says(msg: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.lines.find((line) => line.msg === msg);
      if (found) return found;
      if (!this.isAlive) {
        throw new Error(
          `${this.app} ended before it said "${msg}":\n${[...this.text, ...this.lines.map((line) => JSON.stringify(line))].slice(-20).join('\n')}`,
        );
      }
      await new Promise<void>((resolve) => this.waiters.add(resolve));
      this.waiters.clear();
    }
  }

  /** Whoever reads what it prints is gone. */
  stopReading(): void {
    this.child.stdout!.destroy();
    this.child.stderr!.destroy();
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it counts, in Prometheus's text format. */
  async metrics(): Promise<string> {
    const { port, httpPort = port } = await this.says(listening[this.app]);
    return (await fetch(`http://127.0.0.1:${String(httpPort)}/metrics`)).text();
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it as a supervisor does, and hard when a test left it hanging. */
  async end(): Promise<void> {
    if (!this.isAlive) return;
    this.kill('SIGCONT');
    this.kill('SIGKILL');
    await this.exited;
  }

  private take(line: string): void {
    try {
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
    } catch {
      this.text.push(line);
    }
    this.waiters.forEach((wake) => wake());
  }
}

/** Apps as separate processes on real Redis and Kafka, found and used from outside. */
export class Processes extends Clients {
  readonly restUrls: string[] = [];
  readonly clientUrls: string[] = [];
  readonly all: AppProcess[] = [];
  readonly env: Record<string, string>;

  /** @param nodeArgs of Node itself, by app. */
  constructor(
    env: Record<string, string> = {},
    private readonly nodeArgs: (app: AppName) => readonly string[] = () => [],
  ) {
    super();
    this.env = clusterEnv({ LOG_LEVEL: 'info', ...env });
  }

  start(app: AppName, env: Record<string, string> = {}): AppProcess {
    const started = new AppProcess(app, { ...this.env, ...env }, this.nodeArgs(app));
    this.all.push(started);
    return started;
  }

  async startLogic(env?: Record<string, string>): Promise<AppProcess> {
    const logic = this.start('logic', env);
    this.restUrls.push(`http://127.0.0.1:${String((await logic.says('logic listens')).port)}`);
    return logic;
  }

  async startJob(env?: Record<string, string>): Promise<AppProcess> {
    const job = this.start('job', env);
    await job.says('consuming');
    return job;
  }

  async startGateway(env?: Record<string, string>): Promise<AppProcess> {
    const gateway = this.start('gateway', env);
    await gateway.says('clients are let in');
    this.clientUrls.push(`ws://127.0.0.1:${String((await gateway.says('gateway listens')).port)}/connect`);
    return gateway;
  }

  /** What each app that lives counts, in Prometheus's text format. */
  scrape(): Promise<string[]> {
    return Promise.all(this.all.filter((app) => app.isAlive).map((app) => app.metrics()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dropAll();
    await Promise.all(this.all.map((app) => app.end()));
  }
}
