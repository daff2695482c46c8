import { isListed, isOriginOf, type Origins } from '@app/runtime';
import { CodedError } from '@app/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isPublic } from '../key/scope-table.js';

/** What a page may send besides what every page may, and read of an answer (https://fetch.spec.whatwg.org/#http-cors-protocol). */
const sent = 'Authorization, X-API-Key, X-App-Id, Content-Type, Idempotency-Key, traceparent';
const read = 'Idempotent-Replayed, Retry-After, WWW-Authenticate, Allow';
const methods = 'GET, HEAD, POST, PATCH, DELETE';
const keptSeconds = 600;

/**
 * Which pages of other origins may speak to REST. Cookies are never asked for: a key is what counts. What a browser says
 * comes from a page of another origin, and that no key holds up, is refused, so that no page that somebody visits pushes
 * through a server on that person's own machine.
 */
export class Cors {
  constructor(
    private readonly allowed: Origins,
    private readonly needsKey: boolean,
  ) {}

  /** Before keys are asked for: a preflight (OPTIONS) carries none. */
  watch(instance: FastifyInstance): void {
    instance.addHook('onRequest', (request, reply, done) => {
      if (isPublic(request.routeOptions.url ?? '')) return done();
      const { origin } = request.headers;
      if (this.allowed === 'any' || this.allowed.size > 0) reply.header('Vary', 'Origin');
      if (origin !== undefined && this.allows(origin)) this.letIn(origin, reply);
      else if (isPreflight(request) && this.allowed !== 'any' && this.allowed.size > 0) return done(notListed());
      else if (!this.needsKey && isOfAnotherPage(request)) return done(notListed());
      else return done();
      if (!isPreflight(request)) return done();
      // What was let in is the whole answer: Fastify goes no further once it is sent.
      reply.header('Access-Control-Allow-Methods', methods).header('Access-Control-Allow-Headers', sent);
      void reply.header('Access-Control-Max-Age', keptSeconds).status(204).send();
    });
  }

  private allows(origin: string): boolean {
    return isListed(this.allowed, origin);
  }

  private letIn(origin: string, reply: FastifyReply): void {
    reply.header('Access-Control-Allow-Origin', this.allowed === 'any' ? '*' : origin);
    reply.header('Access-Control-Expose-Headers', read);
  }
}

const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

/** Browsers say the first to loopback and over https (https://www.w3.org/TR/fetch-metadata/), and the second with all but a GET. */
function isOfAnotherPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return headers.origin !== undefined && !isOriginOf(headers.origin, headers.host);
}

const notListed = (): CodedError =>
  new CodedError('forbidden', 'Pages of this origin may not speak to this server: CORS_ORIGINS does not name it.');
