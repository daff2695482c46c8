import { end, forkBench, heard } from './process.js';

/** What a server's process says when it is ready. */
export interface Listening {
  /** Where clients connect. */
  port: number;
  /** Where batches of deliveries go in. */
  rpcPort: number;
  rpcSecret: string;
  /** What it speaks is socket.io. */
  socketIo?: true;
}

/** A server under test, in a process of its own. */
export interface ServerUnderTest extends Listening {
  name: string;
  pid: number;
  close: () => Promise<void>;
}

/** `ws.send` for every client. */
export const startNaive = (): Promise<ServerUnderTest> => start('naive ws', 'bench/baselines/naive-push.ts');

export const startSocketIo = (): Promise<ServerUnderTest> => start('socket.io', 'bench/baselines/socket-io.ts');

export const startSkylark = (): Promise<ServerUnderTest> => start('skylark', 'bench/support/skylark-server.ts');

/** A server of a file, which says what it listens on when it is ready. */
export async function start<S extends object = Listening>(
  name: string,
  file: string,
): Promise<S & { name: string; pid: number; close: () => Promise<void> }> {
  const child = forkBench(file);
  const listening = await heard<S>(child, name);
  return { ...listening, name, pid: child.pid!, close: () => end(child) };
}
