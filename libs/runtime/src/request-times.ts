import type { ServerOptions } from 'node:http';
import type { Env } from './env.js';

/** Milliseconds for the head of a request, whatever its body may take. */
const maxHeadMs = 10_000;

/** More than keep-alive (72 s), which balancers count on. */
const idleSocketMs = 90_000;

export const requestTimeout = (env: Env): number =>
  env.ms(
    'REQUEST_TIMEOUT_MS',
    30_000,
    'milliseconds that a request may take to come in whole, its head 10 s at most; who is slower is cut',
    { min: 100 },
  );

/** The same for a Fastify server; a socket on which nothing moves is cut too, so that nobody holds one by not reading. */
export const fastifyTimes = (requestTimeoutMs: number) => ({
  requestTimeout: requestTimeoutMs,
  connectionTimeout: idleSocketMs,
  http: requestTimes(requestTimeoutMs),
});

/**
 * What cuts those that hold a socket of an HTTP server without a whole request: who sends nothing at all, or its head or its body
 * byte by byte. Time counts from when the socket opened.
 */
export function requestTimes(requestTimeoutMs: number): ServerOptions {
  return {
    headersTimeout: Math.min(maxHeadMs, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(2_000, requestTimeoutMs / 4)),
  };
}
