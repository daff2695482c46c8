import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';

/** A real server of a test's own: on loopback, with a folder of its own. */
export interface TestServer {
  readonly port: number;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Signals the server, keeps its data, resolves when it is gone (at once for signals that end nothing). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts a killed server again on the same port with what it had on disk; resolves when it answers. */
  restart(): Promise<void>;
}

/**
 * Runs a server; resolves when `answering` does. It dies with this process, so that a test run that is cut short leaves
 * none behind.
 * @throws with what the server said last, when it ends first.
 */
export async function launch(
  command: string,
  args: readonly string[],
  answering: (child: ChildProcess) => Promise<void>,
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const dieTogether = () => child.kill('SIGKILL');
  process.once('exit', dieTogether);
  child.once('exit', () => process.off('exit', dieTogether));
  const said = lastLines(child);
  try {
    await Promise.race([
      answering(child),
      ended(child).then(() => Promise.reject(new Error(`${command} ended while starting:\n${said()}`))),
    ]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return child;
}

/** What tests do with a server that was launched, and with `start` can be again. */
export function testServer(
  first: ChildProcess,
  port: number,
  folder: string,
  start: () => Promise<ChildProcess>,
): TestServer {
  let child = first;
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    const gone = ended(child);
    child.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await gone;
  };
  return {
    port,
    kill,
    restart: async () => {
      child = await start();
    },
    stop: async () => {
      await kill(); // its data goes with it, so there is nothing to shut down in order
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A port that was free a moment ago: for servers that cannot choose one, or that must be known before they are there. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

/** Keeps reading, so that the server never blocks on a full pipe; answers what it said last. */
function lastLines(child: ChildProcess): () => string {
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  return () => said;
}
