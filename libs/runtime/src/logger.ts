import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import { stdout } from './log-lines.js';

/** Structured log lines (pino): events with fields; debug per message, info per state change, warn per loss. */
export abstract class Log {
  abstract debug(fields: object, msg: string): void;
  abstract info(fields: object, msg: string): void;
  abstract warn(fields: object, msg: string): void;
  abstract error(fields: object, msg: string): void;
  abstract child(fields: object): Log;
  abstract isLevelEnabled(level: string): boolean;
}

/** JSON lines on stdout. */
export function createLog(level: string, fields: object = {}): Log {
  const settings = {
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => told(error) },
  };
  return pino(settings, stdout);
}

/** What may be said of an error besides its message; all else that libraries hang on theirs may hold secrets. */
const fields = ['code', 'errno', 'syscall', 'address', 'port', 'broker', 'retryable'] as const;

/**
 * An error as log lines have it. ioredis hangs a command's arguments on it, kafkajs what it was asked, jose a token's claims, Node the
 * URL that was none: only what is known to be harmless is taken.
 */
export function told(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? 'no error' : error;
  const found = error as Error & Partial<Record<string, unknown>>;
  const { name } = Object(found.command) as { name?: unknown };
  const said: Record<string, unknown> = { type: error.constructor.name, message: error.message, stack: error.stack };
  for (const field of fields)
    if (['string', 'number', 'boolean'].includes(typeof found[field])) said[field] = found[field];
  if (typeof name === 'string') said['command'] = name;
  if (Array.isArray(found.errors) && depth < 4)
    said['errors'] = found.errors.slice(0, 4).map((one) => told(one, depth + 1));
  if (found.cause instanceof Error && depth < 4) said['cause'] = told(found.cause, depth + 1);
  return said;
}

export const silentLog: Log = createLog('silent');

/** Nest's own lines in the same form. What Nest says at every boot is debug to us. */
export class NestLog implements LoggerService {
  constructor(private readonly lines: Log) {}

  log(message: unknown, context?: string): void {
    this.lines.debug({ context }, String(message));
  }

  error(message: unknown, stack?: string, context?: string): void {
    this.lines.error({ context, stack, err: message instanceof Error ? message : undefined }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.lines.warn({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.lines.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.lines.debug({ context }, String(message));
  }
}
