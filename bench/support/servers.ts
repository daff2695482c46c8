import { end, forkBench } from './process.js';

/** What a server's process says when it is ready. */
export interface Listening {
  /** Where clients connect. */
  port: number;
  /** Where batches of deliveries go in. */
  rpcPort: number;
  rpcSecret: string;
}

/** A server under test, in a process of its own. */
export interface ServerUnderTest extends Listening {
  name: string;
  pid: number;
  close(): Promise<void>;
}

/** `ws.send` for every client. */
export const startNaive = (): Promise<ServerUnderTest> => start('naive ws', 'bench/baselines/naive-push.ts');

export const startSkylark = (): Promise<ServerUnderTest> => start('skylark', 'bench/support/skylark-server.ts');

async function start(name: string, file: string): Promise<ServerUnderTest> {
  const child = forkBench(file);
  const listening = await new Promise<Listening>((resolve, reject) => {
    child.once('message', (said) => resolve(said as Listening));
    child.once('exit', (code) => reject(new Error(`${name} did not start (${code})`)));
  });
  return { ...listening, name, pid: child.pid!, close: () => end(child) };
}
