import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** What a server may take to answer on a loaded machine. */
const READY_MS = 20_000;

export interface RedisServer {
  /** `redis://127.0.0.1:port`, as `REDIS_URL` wants it. */
  readonly url: string;
  readonly port: number;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Signals the server, keeps its data, resolves when it is gone (at once for signals that end nothing). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts a killed server again on the same port with what it had on disk; resolves when it answers. */
  restart(): Promise<void>;
}

/** @throws an Error whose message says what is missing. */
export async function redisAvailable(): Promise<true> {
  try {
    await run('redis-server', ['--version']);
    return true;
  } catch {
    throw new Error('there is no redis-server on the PATH');
  }
}

/** Starts a Redis of our own on loopback with an empty folder; resolves when it answers. */
export async function startRedis({
  port,
  appendonly = false,
}: { port?: number; appendonly?: boolean } = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'skylark-redis-'));
  const start = async (onPort: number) => {
    const settings = ['--port', String(onPort), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const durable = ['--appendonly', appendonly ? 'yes' : 'no', '--appendfsync', 'always'];
    const child = spawn('redis-server', [...settings, ...durable], { stdio: ['ignore', 'pipe', 'pipe'] });
    // A test run that is cut short leaves no server behind.
    const dieTogether = () => child.kill('SIGKILL');
    process.once('exit', dieTogether);
    child.once('exit', () => process.off('exit', dieTogether));
    const said = lastLines(child);
    await Promise.race([
      answering(child, onPort),
      ended(child).then(() => Promise.reject(new Error(`redis-server ended while starting:\n${said()}`))),
    ]).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    return child;
  };

  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  const first = await (
    port === undefined ? startOnFreePort(start) : start(port).then((child) => ({ child, port }))
  ).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  let child = first.child;
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    const gone = ended(child);
    child.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await gone;
  };
  return {
    url: `redis://127.0.0.1:${first.port}`,
    port: first.port,
    kill,
    restart: async () => {
      child = await start(first.port);
    },
    stop: async () => {
      await kill(); // its data goes with it, so there is nothing to shut down in order
      await remove();
    },
  };
}

/** Redis cannot choose a port itself, and between our choosing and its listening another process may take it. */
async function startOnFreePort(
  start: (port: number) => Promise<ChildProcess>,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { child: await start(port), port };
    } catch (error) {
      const isTaken = error instanceof Error && /already in use|Failed listening/i.test(error.message);
      if (!isTaken || attempt === 5) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when PING is answered by PONG, which it is not while the server reads its disk. */
async function answering(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await isPonged(child, port))) {
    if (child.exitCode !== null) throw new Error('redis-server ended while starting');
    if (Date.now() > deadline) throw new Error(`Redis did not answer within ${READY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10)); // a server has no event for "ready"
  }
}

/** Asks who answers too: on a port that was taken it would be somebody else's server. */
function isPonged(child: ChildProcess, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO server\r\nPING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (answer.endsWith('+PONG\r\n') || answer.includes('\r\n-')) socket.destroy();
    });
    socket.on('error', () => {}); // told by close
    socket.once('close', () => resolve(answer.includes(`process_id:${child.pid}\r\n`) && answer.endsWith('+PONG\r\n')));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('close', () => resolve()));
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
