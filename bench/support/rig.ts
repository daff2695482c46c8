import type { ChildProcess } from 'node:child_process';
import { parseConnectionId, type Welcome } from '@app/protocol';
import { firstKnown, Refusal } from '@app/protocol/wires';
import { nodeRef } from '@app/registry';
import { silentLog } from '@app/runtime';
import { deliver, RpcClient } from '@app/rpc';
import { delivery, room } from './message.js';
import { cpuSeconds, end, forkBench } from './process.js';
import type { FromLoad, ToLoad } from './load-clients.js';
import type { ServerUnderTest } from './servers.js';

/** What one stretch of ticks cost and brought. */
export interface Round {
  deliveries: number;
  seconds: number;
  serverCpuSeconds: number;
}

/** How long one tick may take before a message counts as lost. */
const tickMs = 60_000;

/** A server, its clients in a process of their own, and the one who pushes as job does. */
export class Rig {
  private pushed = 0;
  private offset = 1_000_000; // above what the server's own job may have used

  private constructor(
    readonly server: ServerUnderTest,
    private readonly clients: number,
    private readonly load: ChildProcess,
    private readonly rpc: RpcClient,
    private readonly life: { epoch: string; incarnation: string },
  ) {}

  /** Connects `clients` clients to the room. */
  static async open(server: ServerUnderTest, clients: number): Promise<Rig> {
    const load = forkBench('bench/support/load-clients.ts');
    ask(load, { do: 'connect', port: server.port, path: `/connect?rooms=${room}`, count: clients });
    const { welcome } = await told(load, 'connect', 300_000);
    const rpc = new RpcClient({ host: '127.0.0.1', port: server.rpcPort, secret: server.rpcSecret, log: silentLog });
    return new Rig(server, clients, load, rpc, lifeOf(welcome));
  }

  /** Ticks of `perTick` messages of `bytes` bytes, one after the other has reached every client, for some seconds. */
  async run(perTick: number, bytes: number, seconds: number): Promise<Round> {
    const before = { at: performance.now(), cpu: cpuSeconds(this.server.pid), pushed: this.pushed };
    do await this.tick(perTick, bytes);
    while (performance.now() - before.at < seconds * 1000);
    return {
      deliveries: (this.pushed - before.pushed) * this.clients,
      seconds: (performance.now() - before.at) / 1000,
      serverCpuSeconds: cpuSeconds(this.server.pid) - before.cpu,
    };
  }

  /** @throws when a client has not got every message, in order. */
  async check(): Promise<void> {
    ask(this.load, { do: 'report' });
    const report = await told(this.load, 'report', tickMs);
    const { least, most, disorder, closed, messages } = report;
    const isWhole = least === this.pushed && most === this.pushed && messages === this.pushed * this.clients;
    if (isWhole && disorder === 0 && closed === 0) return;
    throw new Error(`${this.server.name}: of ${this.pushed} messages its clients got ${JSON.stringify(report)}`);
  }

  async close(): Promise<void> {
    this.rpc.close();
    await end(this.load);
  }

  private async tick(perTick: number, bytes: number): Promise<void> {
    const deliveries = Array.from({ length: perTick }, () => {
      const prev = this.pushed === 0 ? firstKnown : this.offset;
      return delivery(++this.pushed, ++this.offset, prev, bytes);
    });
    ask(this.load, { do: 'expect', messages: this.pushed * this.clients });
    const arrived = told(this.load, 'expect', tickMs);
    const batch = { ...this.life, shard: 0, ownerEpoch: 1_000_000, deliveries };
    const [ack] = await Promise.all([
      this.rpc.call(deliver, batch, tickMs),
      arrived.catch(() => this.check()), // says who lacks what
    ]);
    if (ack.refused !== Refusal.none) throw new Error(`${this.server.name} refused a batch: ${ack.refused}`);
  }
}

/** Epoch and incarnation that a gateway wants to see in a batch, of what its welcome says. */
function lifeOf(welcome: string): { epoch: string; incarnation: string } {
  const { connectionId, channels } = (JSON.parse(welcome) as { data: Welcome }).data;
  const id = parseConnectionId(connectionId)!;
  return { epoch: channels?.[`room:${room}`]?.epoch ?? '', incarnation: nodeRef(id.node, id.incarnation) };
}

const ask = (load: ChildProcess, message: ToLoad): void => void load.send(message);

/** The next message of a kind that the load process sends. */
function told<K extends FromLoad['did']>(load: ChildProcess, did: K, ms: number) {
  return new Promise<Extract<FromLoad, { did: K }>>((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      load.off('message', onMessage);
      load.off('exit', onExit);
      finish();
    };
    const onMessage = (message: FromLoad) => {
      if (message.did === did) settle(() => resolve(message as Extract<FromLoad, { did: K }>));
    };
    const onExit = () => settle(() => reject(new Error('the load clients ended')));
    const timer = setTimeout(() => settle(() => reject(new Error(`no ${did} within ${ms} ms`))), ms);
    load.on('message', onMessage);
    load.on('exit', onExit);
  });
}
