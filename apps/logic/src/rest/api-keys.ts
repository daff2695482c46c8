import { createHash, timingSafeEqual } from 'node:crypto';
import { CodedError } from '@app/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Who may call REST: any holder of one of these keys, or anybody when there are none. */
export class ApiKeys {
  private readonly digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.digests = keys.map(digest);
  }

  /** Asks for a key before a body is read, on everything but health, metrics, the documentation and the page for people. */
  guard(instance: FastifyInstance): void {
    if (this.digests.length === 0) return;
    instance.addHook('onRequest', (request, _reply, done) => {
      done(needsKey(request) && !this.knows(shown(request)) ? new CodedError('unauthenticated', howTo) : undefined);
    });
  }

  /** Takes the same time whichever key it is, and whether it is one. */
  knows(key: string | undefined): boolean {
    if (key === undefined) return false;
    const asked = digest(key);
    return this.digests.map((known) => timingSafeEqual(known, asked)).includes(true);
  }
}

const howTo = 'Send one of API_KEYS as "Authorization: Bearer <key>" or "X-API-Key: <key>".';

const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Judged by the route that was matched, never by the path as written: `/%761/push/all` is `/v1/push/all`. */
function needsKey(request: FastifyRequest): boolean {
  const route = request.routeOptions.url;
  if (route === undefined) return request.url.startsWith('/v1');
  return route !== '/' && !/^\/(health|metrics|docs|docs-json|docs-yaml|console)(\/|$)/.test(route);
}

function shown(request: FastifyRequest): string | undefined {
  const header = request.headers['x-api-key'];
  return typeof header === 'string' ? header : /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}
