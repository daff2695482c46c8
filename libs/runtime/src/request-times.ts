import type { ServerOptions } from 'node:http';
import type { Env } from './env.js';

/** Milliseconds for the head of a request, whatever its body may take. */
const maxHeadMs = 10_000;

export const requestTimeout = (env: Env): number =>
  env.ms(
    'REQUEST_TIMEOUT_MS',
    30_000,
    'milliseconds that a request may take to come in whole, its head 10 s at most; who is slower is cut',
    { min: 100 },
  );

/** Between two requests: more than the minute for which balancers keep their connections. */
const keepAliveMs = 72_000;

export const idleTimeout = (env: Env): number =>
  env.ms(
    'IDLE_TIMEOUT_MS',
    90_000,
    'milliseconds for which nothing may move on a connection to REST, health and metrics, so that nobody holds one by not reading',
    { min: 100 },
  );

/** The same for a Fastify server, which cuts sockets too on which nothing moves. */
export const fastifyTimes = ({
  requestTimeoutMs,
  idleTimeoutMs,
}: {
  requestTimeoutMs: number;
  idleTimeoutMs: number;
}) => ({
  requestTimeout: requestTimeoutMs,
  connectionTimeout: idleTimeoutMs,
  // Node lets this one take the place of the other once something was answered.
  keepAliveTimeout: Math.min(keepAliveMs, idleTimeoutMs),
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
