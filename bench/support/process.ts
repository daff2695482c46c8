import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';

/** Runs a TypeScript file of the bench in a process of its own, with a channel for messages. */
export const forkBench = (file: string): ChildProcess =>
  fork(file, { execArgv: ['--import', './scripts/typescript.mjs'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

/** Runs a built app as in production. What it says is shown only when it ends badly. */
export function runApp(main: string, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const keep = (text: Buffer) => (said = (said + text.toString()).slice(-10_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('exit', (code) => {
    if (code !== null && code !== 0) console.error(`${main} ended with ${code}:\n${said}`);
  });
  return child;
}

/** Ends a process that we started and waits until it has. */
export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Seconds of CPU that all threads of a process have used, to the nanosecond (Linux). */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // a thread that has just ended
    }
  }
  return nanoseconds / 1e9;
}

/** Files that a process may open. */
export function openFileLimit(): number {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return limit === 'unlimited' ? Infinity : Number(limit);
}

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
