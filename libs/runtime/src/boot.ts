import { ConfigError } from './env.js';
import type { Log } from './logger.js';

/** A started app. `close` ends it cleanly: it drains, flushes, leaves the registry. */
export interface Running {
  close(): Promise<void>;
}

/** A port that could not be had, told with the setting that names it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Names the setting behind a listen that failed.
 * @throws ListenError for EADDRINUSE, EACCES and EADDRNOTAVAIL; other errors as they are.
 */
export function explainListen(error: unknown, setting: string, host: string, port: number): never {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') throw new ListenError(`${setting}=${port}: the port is taken on ${host}; choose another`);
  if (code === 'EACCES') throw new ListenError(`${setting}=${port}: not allowed to listen on this port`);
  if (code === 'EADDRNOTAVAIL') throw new ListenError(`BIND=${host}: no such interface on this machine`);
  throw error;
}

/**
 * Runs an app as a process: starts it, ends it at SIGTERM or SIGINT within `shutdownMs` and exits 0; a second signal
 * exits at once with 1. Bad settings and taken ports are said in words, without a stack trace, and exit 1.
 */
export async function runProcess(
  start: () => Promise<{ running: Running; log: Log; shutdownMs: number }>,
): Promise<void> {
  let started: Awaited<ReturnType<typeof start>>;
  try {
    started = await start();
  } catch (error) {
    process.stderr.write(`${sentence(error)}\n`);
    process.exit(1);
  }
  const { running, log, shutdownMs } = started;
  let ending = false;
  const end = (signal: string) => {
    if (ending) process.exit(1);
    ending = true;
    log.info({ signal }, 'ending');
    const overdue = setTimeout(() => {
      log.error({ shutdownMs }, 'did not end in time');
      process.exit(1);
    }, shutdownMs);
    running.close().then(
      () => {
        clearTimeout(overdue);
        log.info({}, 'ended');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'ended badly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

function sentence(error: unknown): string {
  if (error instanceof ConfigError) return `Bad settings:\n${error.problems.map((line) => `  ${line}`).join('\n')}`;
  if (error instanceof ListenError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
