import { resolve } from 'node:path';
import { AppProcess } from '../support/processes.js';
import { Clients } from '../support/clients.js';
import { until } from '../support/until.js';
import type { OpenApi } from '../support/openapi.js';
import { Bystander, type Undisturbed } from './bystander.js';
import { restDoor, rpcDoor, upgradeDoor, webSocketDoor, type Door } from './doors.js';
import { Seeded } from './seeded.js';

export interface FuzzOptions {
  inputs: number;
  seed: number;
  /** Told now and then. */
  onProgress?: (sent: number) => void;
}

export interface Failure {
  /** Which sequence of inputs: door, worker and the seed make the same one again. */
  worker: string;
  input: number;
  problem: string;
  bytes: string;
}

export interface FuzzReport {
  seed: number;
  sent: Record<string, number>;
  seconds: number;
  failures: Failure[];
  bystander: Undisturbed;
  /** Log lines of level error and worse. */
  errors: unknown[];
  /** After a first part of the inputs, and after all of them; garbage collected. */
  memory: { before: Memory; after: Memory };
  /** Connections that the app still counts at the end, the bystander's own included. */
  connections: number;
  /** Metrics that are no counts: below zero, or not a number. */
  oddMetrics: string[];
}

interface Memory {
  rssMiB: number;
  heapMiB: number;
}

const policies = 'user:=20/1s,room:=20/1s,all=20/1s';
const failuresAtMost = 20;

class Standalone extends Clients {
  restUrls: string[] = [];
  clientUrls: string[] = [];
  rpcPorts: number[] = [];
  private readonly app = new AppProcess('standalone', {
    GATEWAY_PORT: '0',
    LOGIC_PORT: '0',
    LOG_LEVEL: 'info',
    CHANNEL_POLICIES: policies,
    DRAIN_MS: '0',
    NODE_OPTIONS: `--import=${resolve('test/fuzz/collect-garbage.mjs')}`,
  });

  async start(): Promise<void> {
    const logic = await this.app.says('logic listens');
    const gateway = await this.app.says('gateway listens');
    await this.app.says('clients are let in');
    this.restUrls = [`http://127.0.0.1:${String(logic.port)}`];
    this.clientUrls = [`ws://127.0.0.1:${String(gateway.port)}/connect`];
    this.rpcPorts = [Number(logic.rpcPort), Number(gateway.rpcPort)];
    await this.ready();
  }

  get errors(): unknown[] {
    return this.app.lines.filter(({ level }) => Number(level) >= 50);
  }

  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`${this.restUrls[0]}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  }

  async memory(): Promise<Memory> {
    let metrics = new Map<string, number>();
    for (let round = 0; round < 3; round += 1) {
      this.app.kill('SIGUSR2');
      metrics = await this.metrics();
    }
    const mib = (name: string) => Math.round((metrics.get(name) ?? Number.NaN) / 2 ** 20);
    return { rssMiB: mib('process_resident_memory_bytes'), heapMiB: mib('nodejs_heap_size_used_bytes') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dropAll();
    await this.app.end();
  }
}

/** Throws garbage at every door of a standalone of its own while somebody uses it. Needs a build. */
export async function fuzz({ inputs, seed, onProgress }: FuzzOptions): Promise<FuzzReport> {
  await using target = new Standalone();
  await target.start();
  const spec = (await target.get<OpenApi>('/docs-json')).body;
  const restPort = Number(new URL(target.restUrls[0]!).port);
  const clientPort = Number(new URL(target.clientUrls[0]!).port);
  const doors: { name: string; share: number; workers: number; make: () => Door }[] = [
    { name: 'rest', share: 0.3, workers: 8, make: () => restDoor(restPort, spec) },
    { name: 'websocket', share: 0.5, workers: 8, make: () => webSocketDoor(clientPort) },
    { name: 'upgrade', share: 0.1, workers: 4, make: () => upgradeDoor(clientPort) },
    { name: 'rpc', share: 0.1, workers: 4, make: () => rpcDoor(target.rpcPorts) },
  ];
  const failures: Failure[] = [];
  const sent: Record<string, number> = {};
  let progress = 0;

  const worker = async (name: string, door: Door, random: Seeded, quota: number, label: string) => {
    try {
      for (let done = 0; done < quota && failures.length < failuresAtMost;) {
        let input: Buffer | string = '';
        try {
          const count = await door.knock(random, (bytes) => (input = bytes));
          done += count;
          sent[name] = (sent[name] ?? 0) + count;
          progress += count;
          if (progress % 10_000 < count) onProgress?.(progress);
        } catch (error) {
          const bytes = Buffer.from(input).toString('latin1').slice(0, 2_000);
          failures.push({
            worker: label,
            input: done,
            problem: (error as Error).message,
            bytes: JSON.stringify(bytes),
          });
          done += 1;
        }
      }
    } finally {
      door.close();
    }
  };
  const round = (part: string, share: number) =>
    Promise.all(
      doors.flatMap(({ name, share: its, workers, make }) =>
        Array.from({ length: workers }, (_, i) => {
          const label = `${part}/${name}/${i}`;
          return worker(name, make(), new Seeded(seed, label), Math.ceil((inputs * share * its) / workers), label);
        }),
      ),
    );

  const started = performance.now();
  const bystander = await Bystander.start(target);
  await round('first', 0.2);
  const before = await quiet(target);
  await round('rest', 0.8);
  const after = await quiet(target);
  const undisturbed = await bystander.stop();
  const metrics = await target.metrics();
  return {
    seed,
    sent,
    seconds: Math.round((performance.now() - started) / 1_000),
    failures,
    bystander: undisturbed,
    errors: target.errors,
    memory: { before, after },
    connections: connectionsOf(metrics),
    oddMetrics: [...metrics]
      .filter(([name, value]) => name.startsWith('skylark_') && !(value >= 0))
      .map(([name, value]) => `${name} ${value}`),
  };
}

/** When all who knocked are gone: what is held then. */
async function quiet(target: Standalone): Promise<Memory> {
  await until(async () => connectionsOf(await target.metrics()) <= 1, 'the connections to be over');
  return target.memory();
}

const connectionsOf = (metrics: ReadonlyMap<string, number>): number =>
  [...metrics]
    .filter(([name]) => name.startsWith('skylark_gateway_connections'))
    .reduce((sum, [, value]) => sum + value, 0);
