import { Agent, request } from 'node:http';
import { Processes, type AppName, type AppProcess } from '../../test/support/processes.js';
import type { Backends } from './backends.js';
import { cpuSeconds, endAll, profileArgs, residentBytes } from './process.js';
import { start } from './servers.js';

/** Settings for who is measured and does nothing else: clients that do not ping, and more pushes by one key than is usual. */
const settings = { TIMEOUT_MS: '1h', LOG_LEVEL: 'info', MAX_PUSHES_PER_SECOND: '0', SHARDS: '16' };

/** Something that takes pushes over HTTP and gives them to WebSocket clients. */
export interface System {
  name: string;
  clientPorts: number[];
  /** @throws when it is refused. */
  post(path: string, body: object): Promise<string>;
  /** CPU seconds so far of the processes of each app. */
  cpuSeconds(): Record<string, number>;
  residentBytes(): Record<string, number>;
  close: () => Promise<void>;
}

/** The naive `ws` + HTTP server. */
export async function startNaiveHttp(): Promise<System> {
  const { port, pid, close } = await start<{ port: number }>('naive ws + HTTP', 'bench/baselines/naive-http.ts');
  return {
    name: 'naive ws + HTTP',
    clientPorts: [port],
    post: poster(`http://127.0.0.1:${port}`),
    cpuSeconds: () => ({ all: cpuSeconds(pid) }),
    residentBytes: () => ({ all: residentBytes(pid) }),
    close,
  };
}

/** `npm start`: everything in one process and in memory. */
export async function startEmbedded(env: Record<string, string> = {}): Promise<System> {
  const processes = new Processes({ ...settings, ...env }, profileArgs);
  const app = processes.start('standalone');
  await app.says('clients are let in');
  const { port: restPort } = await app.says('logic listens');
  const { port } = await app.says('gateway listens');
  return {
    ...systemOf('skylark embedded', processes, `http://127.0.0.1:${String(restPort)}`),
    clientPorts: [Number(port)],
  };
}

export interface Separate extends System {
  processes: Processes;
}

/** Logic, job and gateways as processes of their own on Kafka and Redis. */
export async function startSeparate(
  backends: Backends,
  { gateways = 1, env = {} }: { gateways?: number; env?: Record<string, string> } = {},
): Promise<Separate> {
  const processes = new Processes({ ...settings, ...backends.env, ...env }, profileArgs);
  await processes.startLogic();
  await processes.startJob();
  for (let i = 0; i < gateways; i += 1) await processes.startGateway();
  return { ...systemOf('skylark on Kafka', processes, processes.restUrls[0]!), processes };
}

function systemOf(name: string, processes: Processes, restUrl: string): Separate {
  const sums = (of: (pid: number) => number) => {
    const byApp: Partial<Record<AppName, number>> = {};
    for (const { app, pid } of processes.all.filter(isAlive)) byApp[app] = (byApp[app] ?? 0) + of(pid);
    return byApp as Record<string, number>;
  };
  return {
    name,
    processes,
    get clientPorts() {
      return processes.clientUrls.map((url) => Number(new URL(url).port));
    },
    post: poster(restUrl),
    cpuSeconds: () => sums(cpuSeconds),
    residentBytes: () => sums(residentBytes),
    close: () => endAll(processes),
  };
}

const isAlive = (app: AppProcess) => app.isAlive;

/** POSTs over connections that stay. */
function poster(origin: string): System['post'] {
  // Given up before a server does, after 5 s: a request on a connection that is just being closed is lost.
  const agent = new Agent({ keepAlive: true, timeout: 3_000 });
  return (path, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const asked = request(origin + path, { method: 'POST', agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode! < 300) resolve(text);
          else reject(new Error(`${path}: ${response.statusCode} ${text}`));
        });
      });
      asked.on('error', reject).end(JSON.stringify(body));
    });
}
