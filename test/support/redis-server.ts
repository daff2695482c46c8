import { type ChildProcess, execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Certificate, pem } from './certificates.js';
import { freePort, launch, testServer, type TestServer } from './server-process.js';

const run = promisify(execFile);
/** What a server may take to answer on a loaded machine. */
const READY_MS = 60_000;

export interface RedisServer extends TestServer {
  /** `redis://127.0.0.1:port`, as `REDIS_URL` wants it. */
  readonly url: string;
  /** What the server has on disk now. */
  snapshot(): Promise<RedisSnapshot>;
}

export interface RedisSnapshot {
  /** Puts it in place of what the server has on disk; the server must have been killed. */
  restore(): Promise<void>;
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

/**
 * Starts a Redis of our own on loopback with an empty folder; resolves when it answers.
 * @param options.tls it speaks TLS only, and asks for certificates of the same authority.
 * @param options.replicaOf whose replica it is until told otherwise; it answers before it has the other's data.
 */
export async function startRedis({
  port,
  appendonly = false,
  replicaOf,
  tls,
  settings: more = [],
}: {
  port?: number;
  appendonly?: boolean;
  replicaOf?: { readonly port: number };
  tls?: Certificate;
  settings?: readonly string[];
} = {}): Promise<RedisServer> {
  const parent = await mkdtemp(join(tmpdir(), 'skylark-redis-'));
  const folder = join(parent, 'data');
  await mkdir(folder);
  const start = (onPort: number) => {
    const ports = tls ? ['--port', '0', '--tls-port', String(onPort)] : ['--port', String(onPort)];
    const secured = tls ? ['--tls-ca-cert-file', tls.ca, '--tls-cert-file', tls.cert, '--tls-key-file', tls.key] : [];
    const settings = [...ports, ...secured, ...more, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const durable = ['--appendonly', appendonly ? 'yes' : 'no', '--appendfsync', 'always'];
    const of = replicaOf ? ['--replicaof', '127.0.0.1', String(replicaOf.port)] : [];
    const replica = ['--repl-diskless-sync-delay', '0', ...of];
    return launch('redis-server', [...settings, ...durable, ...replica], (child) => answering(child, onPort, tls));
  };
  try {
    const first = port === undefined ? await startOnFreePort(start) : { child: await start(port), port };
    const server = testServer(first.child, first.port, parent, () => start(first.port));
    return { ...server, url: `redis://127.0.0.1:${first.port}`, snapshot: () => snapshotOf(folder) };
  } catch (error) {
    await rm(parent, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
}

/** Its log is only appended to, so that a copy made meanwhile is the server as it was some moments ago. */
async function snapshotOf(folder: string): Promise<RedisSnapshot> {
  const copy = await mkdtemp(join(folder, '..', 'snapshot-'));
  await cp(folder, copy, { recursive: true });
  const restore = async () => {
    await rm(folder, { recursive: true });
    await cp(copy, folder, { recursive: true });
  };
  return { restore };
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

/** Resolves when PING is answered by PONG, which it is not while the server reads its disk. */
async function answering(child: ChildProcess, port: number, tls?: Certificate): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await isPonged(child, port, tls))) {
    if (child.exitCode !== null) throw new Error('redis-server ended while starting');
    if (Date.now() > deadline) throw new Error(`Redis did not answer within ${READY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10)); // a server has no event for "ready"
  }
}

/** Asks who answers too: on a port that was taken it would be somebody else's server. */
function isPonged(child: ChildProcess, port: number, tls?: Certificate): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = '';
    const ask = () => void socket.write('INFO server\r\nPING\r\n');
    const host = '127.0.0.1';
    const socket = tls ? connectTls({ port, host, ...pem(tls) }, ask) : connect(port, host, ask);
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (answer.endsWith('+PONG\r\n') || answer.includes('\r\n-')) socket.destroy();
    });
    socket.on('error', () => {}); // told by close
    socket.once('close', () => resolve(answer.includes(`process_id:${child.pid}\r\n`) && answer.endsWith('+PONG\r\n')));
  });
}
