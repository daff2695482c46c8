import { CodedError } from '@app/protocol';
import type { Log, Metrics } from '@app/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKey } from './api-key.js';
import type { KeyRing } from './key-ring.js';
import { isPublic, scopeOf } from './scope-table.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that it came with; undefined where none is asked for. */
    apiKey: ApiKey | undefined;
  }
}

/** Asks every request for a key that may do it, before its body is read. */
export class KeyGuard {
  private readonly requests;

  constructor(
    private readonly ring: KeyRing,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.requests = metrics.counter('skylark_key_requests_total', 'REST requests with a key, by its name and outcome', [
      'key',
      'outcome',
    ]);
  }

  guard(instance: FastifyInstance): void {
    instance.decorateRequest('apiKey', undefined);
    instance.addHook('onRequest', (request, _reply, done) => {
      try {
        this.judge(request);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
  }

  /** @throws CodedError unauthenticated, forbidden */
  private judge(request: FastifyRequest): void {
    if (!this.ring.isLocked || !asksForKey(request)) return;
    const key = this.keyOf(request);
    request.apiKey = key;
    const why = refusalOf(request, key);
    this.requests.inc({ key: key.name, outcome: why === undefined ? 'allowed' : 'forbidden' });
    if (why === undefined) return;
    this.log.debug({ key: key.name, id: key.id, route: request.routeOptions.url }, 'key may not do this');
    throw new CodedError('forbidden', why);
  }

  private keyOf(request: FastifyRequest): ApiKey {
    const shown = shownBy(request);
    if (shown === undefined) throw new CodedError('unauthenticated', `This needs a key: ${howTo}`);
    const key = this.ring.find(shown);
    if (key === 'unknown') throw new CodedError('unauthenticated', `This key is not known here: ${howTo}`);
    if (key === 'expired') throw new CodedError('unauthenticated', 'This key has expired; ask for a new one.');
    return key;
  }
}

const howTo = 'send one of API_KEYS or API_KEYS_FILE as "Authorization: Bearer <key>" or "X-API-Key: <key>".';

/** Judged by the route that was matched, never by the path as written: `/%761/push/all` is `/v1/push/all`. */
function asksForKey({ routeOptions, url }: FastifyRequest): boolean {
  return routeOptions.url === undefined ? url.startsWith('/v1') : !isPublic(routeOptions.url);
}

/** Why the key may not do it; undefined when it may. A path that no route takes is for any key to hear. */
function refusalOf({ method, routeOptions, headers }: FastifyRequest, key: ApiKey): string | undefined {
  const asked = headers['x-app-id'];
  if (key.app !== undefined && asked !== undefined && asked !== key.app)
    return `This key is for the app "${key.app}" only: leave X-App-Id out, or name that app.`;
  if (routeOptions.url === undefined) return undefined;
  const scope = scopeOf(method, routeOptions.url);
  if (scope === undefined) return 'No key may call this route.';
  if (key.scopes.has(scope)) return undefined;
  return `This needs a key with the scope "${scope}"; this one has ${[...key.scopes].join(', ')}.`;
}

function shownBy({ headers }: FastifyRequest): string | undefined {
  const header = headers['x-api-key'];
  return typeof header === 'string' ? header : /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}
