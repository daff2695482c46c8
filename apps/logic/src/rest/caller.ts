import { createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { CodedError, defaultApp, isAppId } from '@app/protocol';
import type { FastifyRequest } from 'fastify';

/** For whom a request speaks, and the trace it belongs to. */
export interface Caller {
  app: string;
  /** W3C trace context; empty when there is none. */
  traceparent: string;
}

/** @throws CodedError bad_name */
export function callerOf(headers: FastifyRequest['headers']): Caller {
  const app = headers['x-app-id'] ?? defaultApp;
  if (!isAppId(app)) throw new CodedError('bad_name', 'X-App-Id: an app id is 1–64 of A–Z, a–z, 0–9, _ and -.');
  const traceparent = String(headers['traceparent'] ?? '');
  return { app, traceparent: wellFormed.test(traceparent) ? traceparent : '' };
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const wellFormed = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>().headers),
);

/** Refuses a request for an app that cannot be, also on routes that ask for no caller. */
export class CallerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    callerOf(context.switchToHttp().getRequest<FastifyRequest>().headers);
    return true;
  }
}
