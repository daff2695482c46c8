import { setTimeout } from 'node:timers/promises';
import { checkWhole, Load } from './load.js';
import { messageType, roomName, text } from './message.js';
import type { Round } from './rounds.js';
import type { System } from './system.js';

/** How long a message may take before it counts as lost. */
const lostMs = 60_000;

/** A stretch of pushes by REST, with what each app spent. */
export interface RestRound extends Round {
  pushes: number;
  cpuByApp: Record<string, number>;
}

/** Everybody in one room of a system, and who pushes to it by REST. */
export class Audience {
  private pushed = 0;

  private constructor(
    readonly system: System,
    private readonly clients: number,
    private readonly load: Load,
    private readonly room: string,
  ) {}

  get name(): string {
    return this.system.name;
  }

  /** Clients spread evenly over the gateways. */
  static async open(system: System, clients: number, prefix = 'bench', jwtSecret?: string): Promise<Audience> {
    const load = new Load();
    const { clientPorts } = system;
    const room = { rooms: 1, roomsEach: 1, prefix, ...(jwtSecret && { jwtSecret }) };
    for (const [i, port] of clientPorts.entries()) {
      await load.connect({ port, count: Math.floor((clients + i) / clientPorts.length), ...room });
    }
    return new Audience(system, clients, load, roomName(0, prefix));
  }

  /** `perTick` pushes, in one call; when the last client has the last one come the next, for some seconds. */
  async run(perTick: number, seconds: number): Promise<RestRound> {
    const before = {
      at: performance.now(),
      cpu: this.system.cpuSeconds(),
      load: this.load.cpuSeconds,
      pushed: this.pushed,
    };
    do await this.tick(perTick);
    while (performance.now() - before.at < seconds * 1000);
    const took = (performance.now() - before.at) / 1000;
    const cpuByApp = Object.fromEntries(
      Object.entries(this.system.cpuSeconds()).map(([app, spent]) => [app, spent - before.cpu[app]!]),
    );
    const pushes = this.pushed - before.pushed;
    return {
      pushes,
      cpuByApp,
      count: pushes * this.clients,
      seconds: took,
      serverCpuSeconds: Object.values(cpuByApp).reduce((sum, spent) => sum + spent, 0),
      loadCpuSeconds: this.load.cpuSeconds - before.load,
    };
  }

  /**
   * So many pushes a second, one by one. Answers for each how many milliseconds after it was due the last client had it: a push
   * that has to wait for the one before it waits on our account.
   */
  async pace(perSecond: number, seconds: number): Promise<number[]> {
    const dueMs = new Map<number, number>();
    const latencies: number[] = [];
    const all = perSecond * seconds;
    const arrived = new Promise<void>((resolve) => {
      this.load.hear('watch', ({ number, atMs }) => {
        const due = dueMs.get(number);
        if (due === undefined) return; // of a stretch before this one
        latencies.push(atMs - due);
        if (latencies.length === all) resolve();
      });
    });
    this.load.ask({ do: 'watch' });
    const began = monotonicMs();
    for (let i = 0; i < all; i += 1) {
      const due = began + (i * 1000) / perSecond;
      const early = due - monotonicMs();
      if (early > 0) await setTimeout(early);
      const number = this.pushed + 1;
      // A timer that fires late is our own doing.
      dueMs.set(number, early > 0 ? monotonicMs() : due);
      await this.push(1);
    }
    await Promise.race([arrived, setTimeout(lostMs, undefined, { ref: false }).then(() => this.check())]);
    return latencies;
  }

  /** Pushes until told to stop, as fast as they arrive. */
  flood(perTick: number): { stop(): Promise<void> } {
    let isOver = false;
    const over = (async () => {
      while (!isOver) await this.tick(perTick);
    })();
    over.catch(() => {}); // told by stop
    return { stop: () => ((isOver = true), over) };
  }

  /** From now on its clients read nothing. */
  stall(): void {
    this.load.ask({ do: 'stall' });
  }

  /** @throws when a client has not got every message, in order. */
  async check(): Promise<void> {
    checkWhole(this.name, [this.pushed], await this.load.report());
  }

  close(): Promise<void> {
    return this.load.close();
  }

  private async tick(perTick: number): Promise<void> {
    this.load.ask({ do: 'expect', messages: (this.pushed + perTick) * this.clients });
    const arrived = this.load.told('expect', lostMs).catch(() => this.check()); // says who lacks what
    await this.push(perTick);
    await arrived;
  }

  private async push(count: number): Promise<void> {
    const pushes = Array.from({ length: count }, () => ({
      rooms: [this.room],
      type: messageType,
      data: text(++this.pushed, 0),
    }));
    if (count === 1) return void (await this.system.post('/v1/push/rooms', pushes[0]!));
    const answer = await this.system.post('/v1/push/batch', {
      pushes: pushes.map((push) => ({ target: 'rooms', ...push })),
    });
    const { results = [] } = JSON.parse(answer) as { results?: { status: number }[] };
    const refused = results.find(({ status }) => status !== 202);
    if (refused) throw new Error(`${this.name}: a push of a batch was refused: ${JSON.stringify(refused)}`);
  }
}

/** The machine's monotonic clock, which load processes read too. */
const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
