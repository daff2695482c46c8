import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Nothing that REST answers is a page: it loads nothing, and nobody frames it. */
const closed = `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** Swagger UI: its own files, styles that it makes, icons in its styles. */
const swagger = [
  `default-src 'none'`,
  `script-src 'self'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `connect-src 'self'`,
  `font-src 'self'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/** With every answer that is no page, also where nothing of a request could be read. */
export const closedHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': closed,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const yearSeconds = 31_536_000;

/** What browsers are told with every answer; a route may say it otherwise, as the page for people does. */
export function secureAnswers(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    reply.headers(closedHeaders);
    if (isSwagger(request)) reply.header('Content-Security-Policy', swagger);
    if (request.routeOptions.url?.startsWith('/v1/')) reply.header('Cache-Control', 'no-store');
    // `https` is what a proxy of TRUST_PROXY says; over plain HTTP browsers ignore the header (RFC 6797 §7.2).
    if (request.protocol === 'https') reply.header('Strict-Transport-Security', `max-age=${yearSeconds}`);
    done();
  });
}

const isSwagger = ({ routeOptions }: FastifyRequest): boolean => /^\/docs(\/|$)/.test(routeOptions.url ?? '');
