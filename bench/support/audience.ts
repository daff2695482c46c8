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

export interface AudienceOptions {
  /** Of the rooms' names. */
  prefix?: string;
  rooms?: number;
  /** Gateways to connect to; by default all. */
  ports?: readonly number[];
  jwtSecret?: string;
}

/** Everybody in all of some rooms of a system, and who pushes to them by REST, in turns. */
export class Audience {
  private pushed = 0;
  /** To each room. */
  private readonly numbers: number[];

  private constructor(
    readonly system: System,
    readonly load: Load,
    private readonly clients: number,
    private readonly prefix: string,
    rooms: number,
  ) {
    this.numbers = Array.from({ length: rooms }, () => 0);
  }

  get name(): string {
    return this.system.name;
  }

  /** Clients spread evenly over the gateways. */
  static async open(
    system: System,
    clients: number,
    { prefix = 'bench', rooms = 1, ports = system.clientPorts, ...more }: AudienceOptions = {},
  ): Promise<Audience> {
    const load = new Load();
    for (const [i, port] of ports.entries()) {
      const count = Math.floor((clients + i) / ports.length);
      await load.connect({ port, count, rooms, roomsEach: rooms, prefix, ...more });
    }
    return new Audience(system, load, clients, prefix, rooms);
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
   * So many pushes a second, each room's by a producer of its own, who waits for each answer. Answers for each push how many
   * milliseconds after it was due the last client had it: one that has to wait for the one before it waits on our account.
   */
  async pace(perSecond: number, seconds: number): Promise<number[]> {
    const all = perSecond * seconds;
    const dueMs = this.numbers.map(() => new Map<number, number>());
    const producers = this.numbers.map(() => Promise.resolve());
    const latencies: number[] = [];
    const arrived = this.arrived(this.pushed + all);
    arrived.catch(() => {}); // told below, after the last push
    const deaf = this.load.hear('watch', ({ room, number, atMs }) => latencies.push(atMs - dueMs[room]!.get(number)!));
    this.load.ask({ do: 'watch' });
    const began = monotonicMs();
    for (let i = 0; i < all; i += 1) {
      const early = began + (i * 1000) / perSecond - monotonicMs();
      if (early > 0) await setTimeout(early);
      const [room] = this.next(1) as [number];
      const number = (this.numbers[room]! += 1);
      dueMs[room]!.set(number, monotonicMs());
      producers[room] = producers[room]!.then(() => this.post([{ room, number }]));
    }
    await Promise.all(producers);
    await arrived;
    deaf();
    return latencies;
  }

  /** Pushes until told to stop, as fast as they arrive. */
  flood(perTick: number): { stop(): Promise<void> } {
    const over = new AbortController();
    const flooded = (async () => {
      while (!over.signal.aborted) await this.tick(perTick);
    })();
    flooded.catch(() => {}); // told by stop
    return {
      stop: () => {
        over.abort();
        return flooded;
      },
    };
  }

  /** From now on its clients read nothing. */
  stall(): void {
    this.load.ask({ do: 'stall' });
  }

  /**
   * @param closed how many connections were lost on the way, which is none but where it is meant.
   * @throws when a client has not got every message, in order.
   */
  async check(closed = 0): Promise<void> {
    checkWhole(this.name, this.numbers, await this.load.report(), closed);
  }

  close(): Promise<void> {
    return this.load.close();
  }

  /** Pushes in one call, which is answered when the bus has them. */
  async push(count: number): Promise<void> {
    await this.post(this.next(count).map((room) => ({ room, number: (this.numbers[room]! += 1) })));
  }

  private async tick(perTick: number): Promise<void> {
    const arrived = this.arrived(this.pushed + perTick);
    await this.push(perTick);
    await arrived;
  }

  /** Resolves when every client has so many messages. */
  async arrived(pushes = this.pushed): Promise<void> {
    this.load.ask({ do: 'expect', messages: pushes * this.clients });
    await this.load.told('expect', lostMs).catch(() => this.check()); // says who lacks what
  }

  /** The rooms whose turn it is. */
  private next(count: number): number[] {
    return Array.from({ length: count }, () => this.pushed++ % this.numbers.length);
  }

  private async post(messages: { room: number; number: number }[]): Promise<void> {
    const pushes = messages.map(({ room, number }) => ({
      rooms: [roomName(room, this.prefix)],
      type: messageType,
      data: text(number, room),
    }));
    if (pushes.length === 1) return void (await this.system.post('/v1/push/rooms', pushes[0]!));
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
