import { isUtf8 } from 'node:buffer';
import { CodedError } from '@app/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/**
 * What may stand in a request's body: JSON, and on the routes that `takesForms` names, forms of both kinds (any other
 * body is ignored there, and any at all with DELETE). Everything else is refused with 415; where there is no route, that
 * is what is wrong.
 */
export function readBodies(instance: FastifyInstance, takesForms: (route: string | undefined) => boolean): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    const type = request.headers['content-type'] ?? '';
    if (takesForms(request.routeOptions.url)) return formOf(type, body);
    if (takesNone(request)) return {};
    throw new CodedError('unsupported_media_type', `Send JSON with "Content-Type: application/json", not "${type}".`);
  });
  instance.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) =>
      takesForms(request.routeOptions.url) || takesNone(request)
        ? {}
        : jsonOf(body, request.headers['content-encoding']),
  );
}

/** RFC 9110 §9.3.5: what comes with DELETE means nothing, though clients name a type for the body that is not there. */
const takesNone = (request: FastifyRequest): boolean => request.is404 || request.method === 'DELETE';

/**
 * A key `__proto__` is kept as a field like any other: bodies are copied field by field, and what is pushed is opaque.
 * @throws CodedError invalid_body, or unsupported_media_type for a body that is compressed
 */
function jsonOf(body: Buffer, encoding = 'identity'): unknown {
  if (encoding.toLowerCase() !== 'identity') {
    throw new CodedError('unsupported_media_type', `Send the body as it is, without "Content-Encoding: ${encoding}".`);
  }
  // Decoding would put U+FFFD in the place of what cannot be read, and push that.
  if (!isUtf8(body)) throw new CodedError('invalid_body', 'The body is not UTF-8 (RFC 8259 §8.1).');
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new CodedError('invalid_body', `The body is not JSON: ${(error as Error).message}`);
  }
}

/** Fields of a form, the first of each name; none when the body is no form. */
async function formOf(contentType: string, body: Buffer): Promise<Record<string, string>> {
  if (!/^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(contentType)) return {};
  try {
    const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
    return Object.fromEntries(
      [...form].toReversed().filter((field): field is [string, string] => typeof field[1] === 'string'),
    );
  } catch {
    return {};
  }
}
