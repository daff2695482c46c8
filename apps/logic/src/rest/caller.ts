import { createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { CodedError, defaultApp, isAppId } from '@app/protocol';
import type { FastifyRequest } from 'fastify';
import type { ApiKey } from '../key/api-key.js';

/** For whom a request speaks, and the trace it belongs to. */
export interface Caller {
  app: string;
  /** The app that it is limited to where things of several are shown; undefined: it named none, and its key is of none. */
  only?: string;
  /** Undefined where no key is asked for. */
  key?: ApiKey;
  /** W3C trace context; empty when there is none. */
  traceparent: string;
}

/** @throws CodedError bad_name */
export function callerOf({ headers, apiKey: key }: Pick<FastifyRequest, 'headers' | 'apiKey'>): Caller {
  const only = headers['x-app-id'] ?? key?.app;
  const app = only ?? defaultApp;
  if (!isAppId(app)) throw new CodedError('bad_name', 'X-App-Id: an app id is 1–64 of A–Z, a–z, 0–9, _ and -.');
  const traceparent = String(headers['traceparent'] ?? '');
  return {
    app,
    ...(only !== undefined && { only: app }),
    ...(key && { key }),
    traceparent: wellFormed.test(traceparent) ? traceparent : '',
  };
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const wellFormed = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** Refuses a request for an app that cannot be, also on routes that ask for no caller. */
export class CallerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    callerOf(context.switchToHttp().getRequest<FastifyRequest>());
    return true;
  }
}
