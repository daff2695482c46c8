import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { CodedError, messageIdOfHash } from '@app/protocol';
import type { FastifyRequest } from 'fastify';
import { BodyError } from '../rest/problem.js';

/** 1–255 characters of printable ASCII: what a header can carry. */
const wellFormed = /^[ -~]{1,255}$/;
/** RFC 9651 §3.3.3, a string; parameters may follow and mean nothing here. */
const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"(?: *;[^"]*)?$/;
/** What everybody sends: a UUID, or any other run of visible characters. */
const bare = /^[!#-~][!-~]*$/;

/** Says that an answer is that of an earlier request with the same key. */
export const replayedHeader = 'Idempotent-Replayed';

const rule = 'a key is 1–255 visible characters of ASCII, bare or as a quoted string (RFC 9651 §3.3.3)';

/**
 * The key that a header carries, as `"k"` (draft-ietf-httpapi-idempotency-key-header) or as bare `k`, which is the same
 * key; undefined without the header.
 * @throws CodedError bad_name
 */
export function keyOfHeader(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  const key = bare.test(text) ? text : quoted.exec(text)?.[1]?.replace(/\\(.)/g, '$1');
  if (key === undefined || !wellFormed.test(key)) throw new CodedError('bad_name', `Idempotency-Key: ${rule}.`);
  return key;
}

/**
 * The key of a push in a batch: a string without quotes of its own; undefined when there is none.
 * @throws CodedError invalid_body, bad_name
 */
export function keyOfItem(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const pointer = '#/idempotencyKey';
  if (typeof value !== 'string') throw new BodyError('invalid_body', [{ pointer, detail: 'must be a string' }]);
  if (!wellFormed.test(value)) throw new BodyError('bad_name', [{ pointer, detail: rule }]);
  return value;
}

/** The key of a push in a batch that has a key as a whole: as if each push had one of its own. */
export const keyOfPlace = (batchKey: string, place: number): string => `${batchKey}\n${place}`;

/** The id of the message that an app pushes with a key: the same in every process and at every repeat. */
export const messageIdOfKey = (app: string, key: string): string =>
  messageIdOfHash(createHash('sha256').update(`${app}\n${key}`).digest());

/** The `Idempotency-Key` of a request. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext) =>
  keyOfHeader(context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key']),
);
