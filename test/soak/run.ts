/** `npm run soak`: see README.md beside this file. */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart } from './chart.js';
import { FakeClock } from './fake-clock.js';
import { Faults } from './faults.js';
import type { FaultMark } from './journal.js';
import { Ledgers, type Balance } from './ledgers.js';
import type { FromLoad, LoadFigures, Second, ToLoad } from './load.js';
import { Memory } from './memory.js';
import { help, readOptions, type SoakOptions } from './options.js';
import { describeFault, planFaults } from './plan.js';
import { failuresOf, table, type Report } from './report.js';
import { SmallDisk } from './small-disk.js';
import { System } from './system.js';
import { firstOf, type First } from './timeline.js';
import { trace } from './trace.js';

const settleMs = 120_000;
/** How long commits and counters may take to tell of what is there already. */
const evenMs = 20_000;
const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    say(help);
    return 0;
  }
  await withoutWhatCannotBe(options);
  rmSync(options.out, { recursive: true, force: true });
  mkdirSync(options.out, { recursive: true });
  const plan = planFaults(options);
  say(
    `soak: seed ${options.seed}, ${options.minutes} min, ${options.bus}, ${options.clients} clients, ${options.rate} pushes/s, out ${options.out}`,
  );
  say(`plan of ${plan.length} faults${options.jitter ? ', and every client is cut again and again' : ''}:`);
  for (const planned of plan) say(describeFault(planned));

  const system = await System.start(options);
  try {
    return await new Run(options, system).through(plan);
  } finally {
    await system.stop();
  }
}

/** Some faults need root or a package: they are left out, with a word. */
async function withoutWhatCannotBe(options: SoakOptions): Promise<void> {
  const leaveOut = (kind: string, why: string) => {
    if (!options.faults.some((fault) => fault === kind)) return;
    options.faults = options.faults.filter((fault) => fault !== kind);
    say(`left out: ${kind}, because ${why}`);
  };
  if (!FakeClock.isAvailable) leaveOut('clock-jump', 'libfaketime is not installed (apt-get install libfaketime)');
  if (!(await SmallDisk.isAvailable())) leaveOut('disk-full', 'a small file system cannot be mounted (needs root)');
}

class Run {
  private readonly seconds: Second[] = [];
  private readonly memory: Memory;
  private readonly ledgers: Ledgers;
  private readonly load: ChildProcess;
  private startedAt = 0;
  private waiting = 0;

  constructor(
    private readonly options: SoakOptions,
    private readonly system: System,
  ) {
    this.ledgers = new Ledgers(system.processes);
    this.memory = new Memory(system.processes);
    this.load = fork('test/soak/load.ts', [], {
      execArgv: ['--import', './scripts/typescript.mjs', '--max-old-space-size=8192'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.load.on('message', (message: FromLoad) => {
      if (message.did !== 'second') return;
      this.waiting = message.waiting;
      this.seconds.push(message.second);
    });
  }

  async through(plan: ReturnType<typeof planFaults>): Promise<number> {
    const { options, system } = this;
    const { seed, clients, rate, jitter } = options;
    // The registry of one process ends with it.
    const forgetful = options.bus === 'embedded' ? ['kill-gateway', 'drain'] : ['flush-redis'];
    const order = { seed, clients, rate, jitter, forgetful, gateways: system.clientUrls, logics: system.restUrls };
    this.ask({ do: 'begin', order });
    // One clock for faults and messages: when nothing was wrong is asked of both.
    this.startedAt = (await this.told('begin', 300_000)).startedAt;
    say(`${this.stamp()} ${clients} clients are here, load and faults begin`);
    const faults = new Faults(
      system,
      () => this.now(),
      (text) => say(`${this.stamp()} ${text}`),
    );
    const figures = setInterval(() => void this.lookAround(faults), 5_000);
    faults.begin(plan);
    await new Promise((resolve) => setTimeout(resolve, options.minutes * 60_000));
    await faults.over();
    say(`${this.stamp()} the load ends; waiting until everybody has everything`);
    const unready = await system.ready(60_000).then(
      () => [],
      (error: Error) => [error.message],
    );
    this.ask({ do: 'settle', withinMs: settleMs, faults: faults.marks });
    const settled = await this.told('settled', settleMs * 3);
    clearInterval(figures);
    this.memory.note(this.now());
    const balance = await this.balance(settled.figures, faults.marks);
    const crashes = [...system.processes.flatMap((app) => app.crashes), ...unready, ...balance.uneven];
    return this.conclude(settled, faults.marks, crashes, balance.said);
  }

  private async conclude(
    { verdict, figures }: Extract<FromLoad, { did: 'settled' }>,
    faults: FaultMark[],
    crashes: string[],
    ledgers: string[],
  ): Promise<number> {
    const { options } = this;
    const failures = failuresOf({ verdict, load: figures, crashes });
    const report: Report = {
      options: { ...options },
      seconds: Math.round(this.now() / 1000),
      verdict,
      load: figures,
      faults,
      crashes,
      memory: this.memory.figures(),
      ledgers,
      counts: this.ledgers.sums(),
      failures,
    };
    writeFileSync(
      join(options.out, 'soak.json'),
      `${JSON.stringify({ ...report, perSecond: this.seconds }, undefined, 1)}\n`,
    );
    const title = `soak: seed ${options.seed}, ${options.clients} clients, ${verdict.deliveries} deliveries, ${faults.length} faults, ${failures.join(', ') || 'nothing lost'}`;
    writeFileSync(join(options.out, 'soak.svg'), chart(this.seconds, faults, title));
    say(`\n${table(report)}\n`);
    if (failures.length > 0) await this.explain(report, figures.first);
    say(
      failures.length === 0
        ? `soak passed, seed ${options.seed}`
        : `soak FAILED, seed ${options.seed}: ${failures.join('; ')}`,
    );
    return failures.length === 0 ? 0 : 1;
  }

  private async explain({ verdict, faults }: Report, seen: First | undefined): Promise<void> {
    const shown = new Map<string, number>();
    for (const finding of verdict.findings) {
      shown.set(finding.problem, (shown.get(finding.problem) ?? 0) + 1);
      if (shown.get(finding.problem)! > 5) continue;
      say(
        `  ${finding.problem}: ${finding.client} ${finding.channel} push ${finding.n} at ${finding.at} ms: ${finding.detail}`,
      );
    }
    const first = firstOf(verdict);
    if (!first || first.n < 0) return;
    const { startedAt, options } = this;
    const lines = await trace(this.system, { finding: first, seen, faults, startedAt, out: options.out });
    const file = join(this.options.out, 'first.log');
    writeFileSync(file, `${lines.join('\n')}\n`);
    say(`what is known of the first one: ${file}, ${lines.length} lines`);
  }

  private now(): number {
    return Date.now() - this.startedAt;
  }

  private stamp(): string {
    return `${(this.now() / 1000).toFixed(1).padStart(7)} s`;
  }

  private async lookAround(faults: Faults): Promise<void> {
    const last = this.seconds.at(-1);
    if (last) {
      const wrong = faults.marks.filter(({ toMs }) => toMs === Infinity).map(({ what }) => what);
      say(
        `${this.stamp()} ${last.here} here, ${last.deliveries} deliveries/s, lag ${last.lag} ms (most ${last.lagMost}), ${this.waiting} pushes wait` +
          (wrong.length > 0 ? `  [${wrong.join('; ')}]` : ''),
      );
    }
    this.memory.note(this.now());
    await this.ledgers.look();
  }

  /** Both ledgers of the metrics against what producer and clients counted themselves. */
  private async balance(own: LoadFigures, faults: readonly FaultMark[]): Promise<Balance> {
    const { ledgers } = this;
    const isFlushed = faults.some(({ kind }) => kind === 'flush-redis');
    const deadline = Date.now() + evenMs;
    let balance: Balance;
    do {
      await ledgers.look();
      balance = ledgers.balance(own, isFlushed);
      if (balance.uneven.length > 0) await new Promise((resolve) => setTimeout(resolve, 500));
    } while (balance.uneven.length > 0 && Date.now() < deadline);
    const before = ledgers.written();
    this.ask({ do: 'round' });
    const { round } = await this.told('round', 120_000);
    await ledgers.look();
    const { said, uneven } = ledgers.balanceOfRound(round, before);
    return { said: [...balance.said, ...said], uneven: [...balance.uneven, ...uneven] };
  }

  private ask(message: ToLoad): void {
    this.load.send(message);
  }

  private told<K extends FromLoad['did']>(did: K, withinMs: number): Promise<Extract<FromLoad, { did: K }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the load did not say "${did}" within ${withinMs} ms`)),
        withinMs,
      );
      this.load.once('exit', () => reject(new Error('the load ended by itself')));
      this.load.on('message', (message: FromLoad) => {
        if (message.did !== did) return;
        clearTimeout(timer);
        resolve(message as Extract<FromLoad, { did: K }>);
      });
    });
  }
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
