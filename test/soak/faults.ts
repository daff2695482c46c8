import { Redis } from 'ioredis';
import type { TestServer } from '../support/server-process.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import type { FaultMark } from './journal.js';
import type { FaultKind } from './options.js';
import type { PlannedFault } from './plan.js';
import type { SoakProcess } from './process.js';
import type { System } from './system.js';

/** Does what the plan says, and says what it did. */
export class Faults {
  readonly marks: FaultMark[] = [];
  private readonly underWay = new Set<Promise<void>>();
  /** What a fault has its hands on: another one leaves it alone. */
  private readonly taken = new Set<object>();
  private readonly timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly system: System,
    private readonly now: () => number,
    private readonly say: (text: string) => void,
  ) {}

  begin(plan: readonly PlannedFault[]): void {
    for (const planned of plan) {
      const timer = setTimeout(() => {
        const done = this.happen(planned).finally(() => this.underWay.delete(done));
        this.underWay.add(done);
      }, planned.atMs);
      this.timers.push(timer);
    }
  }

  /** Resolves when all that began is over. */
  async over(): Promise<void> {
    this.timers.forEach(clearTimeout);
    await Promise.all(this.underWay);
  }

  private async happen(planned: PlannedFault): Promise<void> {
    const { what, on, begin, end } = this.deed(planned);
    if (on.some((thing) => this.taken.has(thing))) return this.say(`skipped: ${what} (it has a fault already)`);
    for (const thing of on) this.taken.add(thing);
    const mark: FaultMark = { kind: planned.kind, what, fromMs: this.now(), toMs: Infinity };
    this.marks.push(mark);
    this.say(`fault: ${what}, for ${(planned.forMs / 1000).toFixed(1)} s`);
    try {
      await begin();
      await new Promise((resolve) => setTimeout(resolve, planned.forMs));
      await end();
    } catch (error) {
      this.say(`fault: ${what} went wrong itself: ${String(error)}`);
    }
    mark.toMs = this.now();
    for (const thing of on) this.taken.delete(thing);
    this.say(`over:  ${what}`);
  }

  private deed(planned: PlannedFault): Deed {
    const { system } = this;
    const pick = <T>(of: readonly T[]): T => of[Math.max(0, planned.victim) % of.length]!;
    const process = (...roles: ('gateway' | 'job' | 'logic')[]) => pick(system.of('standalone', ...roles));
    const byKind: Record<FaultKind, () => Deed> = {
      'kill-gateway': () => killed(process('gateway')),
      'kill-job': () => killed(process('job')),
      'kill-logic': () => killed(process('logic')),
      'stop-gateway': () => stopped(process('gateway')),
      'stop-job': () => stopped(process('job')),
      'kill-redis': () => {
        const redis = system.redis!;
        return { what: 'SIGKILL redis', on: [redis], begin: () => redis.kill('SIGKILL'), end: () => comeBack(redis) };
      },
      'flush-redis': () => ({ what: 'FLUSHALL', on: [], begin: () => this.flush(), end: async () => {} }),
      'kill-kafka': () => {
        const kafka = system.kafka!;
        return { what: 'SIGKILL kafka', on: [kafka], begin: () => kafka.kill('SIGKILL'), end: () => comeBack(kafka) };
      },
      'cut-rpc': () => this.cut(planned, /^rpc/),
      'cut-redis': () => this.cut(planned, /^redis/),
      'cut-kafka': () => this.cut(planned, /^kafka/),
      'slow-net': () => this.slowed(planned),
      drain: () => this.drained(planned),
      'clock-jump': () => this.jumped(planned),
      'disk-full': () => this.filled(),
    };
    return byKind[planned.kind]();
  }

  private async flush(): Promise<void> {
    const redis = new Redis(this.system.redis!.url, { maxRetriesPerRequest: 1 });
    redis.on('error', () => {}); // a Redis that is down has nothing to forget
    await redis.flushall().catch(() => {});
    redis.disconnect();
  }

  /** Nothing passes: connections are cut and refused, or they hang. */
  private cut({ victim, way }: PlannedFault, which: RegExp): Deed {
    const all = [...this.system.proxies].filter(([name]) => which.test(name));
    // One process alone, or everybody.
    const chosen = way % 4 === 0 ? all : [all[victim % all.length]!];
    const doesHang = way % 2 === 1;
    const each = (act: (proxy: TcpProxy) => void) => async () => chosen.forEach(([, proxy]) => act(proxy));
    return {
      what: `${doesHang ? 'hang' : 'cut'} ${chosen.map(([name]) => name).join(', ')}`,
      on: chosen.map(([, proxy]) => proxy),
      begin: each((proxy) => (doesHang ? proxy.hold() : proxy.refuse())),
      end: each((proxy) => (doesHang ? proxy.release() : proxy.accept())),
    };
  }

  private slowed({ victim, way, forMs }: PlannedFault): Deed {
    const all = [...this.system.proxies];
    const [name, proxy] = all[victim % all.length]!;
    const manner = (['delay', 'drop answers', 'half-close'] as const)[way % 3]!;
    const delayMs = 20 + (way % 400);
    let timer: NodeJS.Timeout;
    return {
      what: `${manner} ${name}${manner === 'delay' ? ` by ${delayMs} ms` : ''}`,
      on: [proxy],
      begin: async () => {
        if (manner === 'delay') proxy.delay(delayMs);
        else if (manner === 'half-close') timer = setInterval(() => proxy.halfClose(), Math.max(500, forMs / 5));
        else timer = setInterval(() => void proxy.swallowAnswer(), Math.max(300, forMs / 8));
      },
      end: async () => {
        clearInterval(timer);
        proxy.delay(0);
      },
    };
  }

  /** A deploy: one process, or every one of a kind in turn. */
  private drained({ victim, way }: PlannedFault): Deed {
    const all = this.system.processes;
    const first = victim < 0 ? this.system.of('gateway', 'standalone')[0]! : all[victim % all.length]!;
    const isWhole = victim < 0 || way % 3 === 0;
    const turn = isWhole ? all.filter(({ role }) => role === first.role) : [first];
    return {
      what: `SIGTERM ${turn.map(({ name }) => name).join(', then ')}`,
      on: turn,
      begin: async () => {
        for (const app of turn) {
          await app.kill('SIGTERM');
          app.start();
          await this.readyAgain(app);
        }
      },
      end: async () => {},
    };
  }

  private jumped({ victim, way }: PlannedFault): Deed {
    const all = this.system.processes;
    const app = all[victim % all.length]!;
    const clock = this.system.clocks.get(app)!;
    const seconds = (way % 2 === 0 ? 1 : -1) * (1 + (way % 90));
    const what = `clock of ${app.name} by ${seconds} s`;
    return { what, on: [clock], begin: async () => clock.set(seconds), end: async () => clock.set(0) };
  }

  private filled(): Deed {
    const { disk, kafka } = this.system;
    return {
      what: "fill Kafka's disk",
      on: [kafka!],
      begin: () => disk!.fill(),
      end: async () => {
        await disk!.free();
        await kafka!.kill('SIGKILL'); // it ends by itself when it could not write, sooner or later
        await comeBack(kafka!);
      },
    };
  }

  private async readyAgain(app: SoakProcess): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!(await app.isReady()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A loaded machine may need more than one try. */
async function comeBack(server: TestServer): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await server.restart();
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

interface Deed {
  what: string;
  on: object[];
  begin: () => Promise<void>;
  end: () => Promise<void>;
}

const killed = (app: SoakProcess): Deed => ({
  what: `SIGKILL ${app.name}`,
  on: [app],
  begin: () => app.kill('SIGKILL'),
  end: async () => app.start(),
});

const stopped = (app: SoakProcess): Deed => ({
  what: `SIGSTOP ${app.name}`,
  on: [app],
  begin: async () => app.signal('SIGSTOP'),
  end: async () => app.signal('SIGCONT'),
});
