import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { end, forkBench, freePort, runApp } from './process.js';

/** A server under test, in a process of its own. */
export interface ServerUnderTest {
  name: string;
  pid: number;
  /** Where clients connect. */
  port: number;
  /** Where batches of deliveries go in. */
  rpcPort: number;
  close(): Promise<void>;
}

const of = (name: string, child: ChildProcess, port: number, rpcPort: number): ServerUnderTest => ({
  name,
  pid: child.pid!,
  port,
  rpcPort,
  close: () => end(child),
});

/** `ws.send` for every client. */
export async function startNaive(): Promise<ServerUnderTest> {
  const child = forkBench('bench/support/naive-server.ts');
  const [port, rpcPort] = await new Promise<[number, number]>((resolve, reject) => {
    child.once('message', (at: { port: number; rpcPort: number }) => resolve([at.port, at.rpcPort]));
    child.once('exit', (code) => reject(new Error(`the naive server ended with ${code}`)));
  });
  return of('naive ws', child, port, rpcPort);
}

/** The built app, all three parts in one process: the gateway, and what it needs, idle. */
export async function startSkylark(): Promise<ServerUnderTest> {
  const port = await freePort();
  const rpcPort = await freePort();
  const restPort = await freePort();
  const child = runApp('dist/apps/standalone/apps/standalone/src/main.js', {
    GATEWAY_PORT: String(port),
    GATEWAY_RPC_PORT: String(rpcPort),
    GATEWAY_HTTP_PORT: '0',
    LOGIC_PORT: String(restPort),
    JOB_HTTP_PORT: '0',
    LOG_LEVEL: 'warn',
    TIMEOUT_MS: '1h', // the load clients do not ping
  });
  for (let isReady = false; !isReady; await delay(50)) {
    if (child.exitCode !== null) throw new Error('standalone did not start');
    isReady = await fetch(`http://127.0.0.1:${restPort}/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
  }
  return of('skylark', child, port, rpcPort);
}
