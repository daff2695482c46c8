import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';

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
  return pino({ level, base: fields, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: told } });
}

/** Without what a command of Redis was given: passwords, payloads, keys. */
function told(error: Error): unknown {
  const said: unknown = pino.stdSerializers.err(error);
  if (typeof said !== 'object' || said === null || !('command' in said)) return said;
  const { name } = (said.command ?? {}) as { name?: unknown };
  return Object.defineProperty(said, 'command', { value: name, enumerable: true });
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
