import { fork, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Runs a TypeScript file of the bench in a process of its own, with a channel for messages. */
export const forkBench = (file: string, args: readonly string[] = []): ChildProcess =>
  fork(file, args, {
    execArgv: ['--import', './scripts/typescript.mjs'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

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

/** Bytes of memory that a process holds. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** @throws when a process may not open so many connections, and what else it needs. */
export function needFiles(connections: number): void {
  const needed = connections + 100;
  const limit = openFileLimit();
  if (limit < needed) throw new Error(`a process may open ${limit} files, this needs ${needed}: ulimit -n ${needed}`);
}

function openFileLimit(): number {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return limit === 'unlimited' ? Infinity : Number(limit);
}
