import { fork, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Processes } from '../../test/support/processes.js';

let profiles: string | undefined;

/** From now on each process that is started leaves a CPU profile in a folder. */
export function profileInto(folder: string): void {
  profiles = folder;
}

/** Node's own arguments for what is profiled under a name. */
export const profileArgs = (name: string): string[] =>
  profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}/${name}`];

/** Runs a TypeScript file of the bench in a process of its own, with a channel for messages; it ends when we do. */
export const forkBench = (file: string, args: readonly string[] = []): ChildProcess => {
  return fork(file, args, {
    execArgv: [
      ...profileArgs(basename(file, '.ts')),
      '--import',
      './scripts/typescript.mjs',
      '--import',
      './bench/support/leave.mjs',
    ],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
};

/** The next message of a process. @throws when it ends before it has said anything. */
export function heard<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      child.off('exit', onExit);
      resolve(message as T);
    };
    const onExit = (code: number | null) => {
      child.off('message', onMessage);
      reject(new Error(`${name} ended (${code})`));
    };
    child.once('message', onMessage).once('exit', onExit);
  });
}

/** Ends a process that we started and waits until it has. */
export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    if (profiles === undefined) child.kill('SIGKILL');
    else child.disconnect(); // it writes its profile and leaves
  });
}

/** Ends apps; one that is profiled writes what it did before it goes. */
export async function endAll(processes: Processes): Promise<void> {
  if (profiles !== undefined) {
    for (const app of processes.all) app.kill('SIGTERM');
    await Promise.all(processes.all.map((app) => app.exited));
  }
  await processes[Symbol.asyncDispose]();
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
