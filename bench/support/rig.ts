import { parseConnectionId, type Welcome } from '@app/protocol';
import { firstKnown, Refusal } from '@app/protocol/wires';
import { nodeRef } from '@app/registry';
import { silentLog } from '@app/runtime';
import { deliver, RpcClient } from '@app/rpc';
import { checkWhole, Load } from './load.js';
import { delivery, roomsOf, type Layout } from './message.js';
import { cpuSeconds } from './process.js';
import type { Round } from './rounds.js';
import type { ServerUnderTest } from './servers.js';

/** How long one tick may take before a message counts as lost. */
const tickMs = 60_000;

/** A server, its clients in a process of their own, and the one who pushes as job does. */
export class Rig {
  readonly name: string;
  private readonly pushed: number[];
  /** The offset of the last message of each room. */
  private readonly tops: number[];
  private readonly members: number[];
  private expected = 0;
  private offset = 1_000_000; // above what the server's own job may have used

  private constructor(
    readonly server: ServerUnderTest,
    { rooms, ...layout }: Layout,
    clients: number,
    private readonly load: Load,
    private readonly rpc: RpcClient,
    private readonly life: { epoch: string; incarnation: string },
  ) {
    this.name = server.name;
    this.pushed = Array.from({ length: rooms }, () => 0);
    this.tops = Array.from({ length: rooms }, () => firstKnown);
    this.members = Array.from({ length: rooms }, () => 0);
    for (let i = 0; i < clients; i += 1) for (const room of roomsOf(i, { rooms, ...layout })) this.members[room]! += 1;
  }

  /** Connects `clients` clients, by default all to one room. */
  static async open(server: ServerUnderTest, clients: number, layout = { rooms: 1, roomsEach: 1 }): Promise<Rig> {
    const load = new Load();
    const { port, socketIo } = server;
    const welcome = await load.connect({ port, count: clients, ...layout, ...(socketIo && { socketIo }) });
    const rpc = new RpcClient({ host: '127.0.0.1', port: server.rpcPort, secret: server.rpcSecret, log: silentLog });
    return new Rig(server, layout, clients, load, rpc, lifeOf(welcome));
  }

  /** Ticks of `perTick` messages to each of `rooms`, one after the other has reached every client, for some seconds. */
  async run(perTick: number, seconds: number, rooms: () => readonly number[] = onlyRoom): Promise<Round> {
    const began = performance.now();
    const before = { server: cpuSeconds(this.server.pid), load: this.load.cpuSeconds, expected: this.expected };
    do await this.tick(perTick, rooms());
    while (performance.now() - began < seconds * 1000);
    return {
      count: this.expected - before.expected,
      seconds: (performance.now() - began) / 1000,
      serverCpuSeconds: cpuSeconds(this.server.pid) - before.server,
      loadCpuSeconds: this.load.cpuSeconds - before.load,
    };
  }

  /** @throws when a client has not got every message, in order. */
  async check(): Promise<void> {
    checkWhole(this.name, this.pushed, await this.load.report());
  }

  async close(): Promise<void> {
    this.rpc.close();
    await this.load.close();
  }

  private async tick(perTick: number, rooms: readonly number[]): Promise<void> {
    const deliveries = rooms.flatMap((room) => Array.from({ length: perTick }, () => this.next(room)));
    this.load.ask({ do: 'expect', messages: this.expected });
    const arrived = this.load.told('expect', tickMs);
    const batch = { ...this.life, shard: 0, ownerEpoch: 1_000_000, deliveries };
    const [ack] = await Promise.all([
      this.rpc.call(deliver, batch, tickMs),
      arrived.catch(() => this.check()), // says who lacks what
    ]);
    if (ack.refused !== Refusal.none) throw new Error(`${this.name} refused a batch: ${ack.refused}`);
  }

  private next(room: number) {
    const prev = this.tops[room]!;
    this.tops[room] = ++this.offset;
    this.expected += this.members[room]!;
    return delivery(++this.pushed[room]!, room, this.offset, prev);
  }
}

const onlyRoom = () => [0];

/** Epoch and incarnation that a gateway wants to see in a batch, of what its welcome says. */
function lifeOf(welcome: string): { epoch: string; incarnation: string } {
  const { connectionId, channels } = (JSON.parse(welcome) as { data: Partial<Welcome> }).data;
  const id = parseConnectionId(connectionId!)!;
  const room = Object.entries(channels ?? {}).find(([channel]) => channel.startsWith('room:'));
  return { epoch: room?.[1].epoch ?? '', incarnation: nodeRef(id.node, id.incarnation) };
}
