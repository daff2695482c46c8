import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { fastifyTimes, isOurHost, type Hosts, type Origins } from '@app/runtime';
import { CodedError } from '@app/protocol';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { KeyLimit } from '../key/key-limit.js';
import type { KeyGuard } from '../key/key-guard.js';
import type { LogicMetrics } from '../logic.metrics.js';
import { readBodies } from './bodies.js';
import { Cors } from './cors.js';
import { problem } from './problem.js';
import type { RouteTable } from './route-table.js';
import { closedHeaders, secureAnswers } from './security-headers.js';

export interface RestSettings {
  maxBodyBytes: number;
  corsOrigins: Origins;
  needsKey: boolean;
  trustProxy: readonly string[];
  requestTimeoutMs: number;
  idleTimeoutMs: number;
  allowedHosts: Hosts;
}

/** Fastify as Nest's HTTP server, with what must happen before Nest sees a request. */
export function restAdapter(
  settings: RestSettings,
  routes: RouteTable,
  keys: KeyGuard,
  keyLimit: KeyLimit,
  metrics: LogicMetrics,
  takesForms: (route: string | undefined) => boolean,
): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: settings.maxBodyBytes,
    trustProxy: settings.trustProxy.length > 0 && [...settings.trustProxy],
    ...fastifyTimes(settings),
    routerOptions: { maxParamLength: 16_384 }, // more than a URL may have: a name that is too long is a bad name, not an unknown route
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
      const body = JSON.stringify(problem('malformed', 'The URL cannot be read.'));
      void reply.status(400).headers(closedHeaders).type('application/problem+json; charset=utf-8').send(body);
    },
    clientErrorHandler: refuseOnSocket,
  });
  const instance = adapter.getInstance<FastifyInstance>();
  routes.watch(instance);
  secureAnswers(instance);
  askForOurs(instance, settings.allowedHosts);
  new Cors(settings.corsOrigins, settings.needsKey).watch(instance);
  keys.guard(instance);
  keyLimit.guard(instance);
  readBodies(instance, takesForms);
  instance.addHook('onResponse', (request, reply, done) => {
    const labels = { route: request.routeOptions.url ?? 'none', status: reply.statusCode };
    metrics.requestSeconds.observe(labels, reply.elapsedTime / 1_000);
    done();
  });
  return adapter;
}

/** A name that is none of ours is that of a page which had it resolve to our address, and would pass for one of our own. */
function askForOurs(instance: FastifyInstance, hosts: Hosts): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    // Never what a proxy says it was asked for: a browser's own requests carry no such header.
    if (isOurHost(hosts, request.headers.host)) return done();
    done(new CodedError('forbidden', 'This server does not answer by that name: ALLOWED_HOSTS does not list it.'));
  });
}

/** Refuses what Node's HTTP parser could not make a request of. */
function refuseOnSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const body = JSON.stringify(problem('malformed', unreadable[error.code ?? ''] ?? 'This is not HTTP/1.1.'));
  const head = `Content-Type: application/problem+json; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ${Buffer.byteLength(body)}`;
  if (socket.writable) socket.write(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\n${head}\r\n\r\n${body}`);
  socket.destroy(error);
}

/** By Node's error codes. */
const unreadable: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The URL and the headers are too long: 16 KiB is the most.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request was not complete in time.',
};
