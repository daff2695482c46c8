import { createHash } from 'node:crypto';
import { CodedError } from '@app/protocol';
import { Encoding } from '@app/protocol/wires';
import type { CheckedPush } from './checked-push.js';
import type { Payload } from './payload.js';

/**
 * Tells one push from another by all that takes effect: where to, what, for whom, how long and how fast. Two bodies that
 * differ in the order of an object's keys, in white space or in a default that is written out are the same; the order of
 * a list counts. 43 characters of base64url.
 * @throws CodedError invalid_body for JSON too deep to be put in order
 */
export function fingerprintOf({ kind, app, targets, unreachable, body, ttlMs, retain, speed }: CheckedPush): string {
  const { type, excludeUsers, excludeConnections, match, variants } = body;
  const parts = [
    [kind, app, targets, unreachable, type, excludeUsers, excludeConnections, match, ttlMs, retain, speed],
    canonical(body),
    ...variants.map((variant) => [variant.match, canonical(variant)]),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function canonical({ encoding, payload }: Omit<Payload, 'payload'> & { payload: Uint8Array }): readonly unknown[] {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return [encoding, encoding === Encoding.json ? inOrder(bytes.toString()) : bytes.toString('base64')];
}

function inOrder(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), (_, value: unknown) => (isObject(value) ? sorted(value) : value));
  } catch {
    throw new CodedError('invalid_body', '#/data: is nested too deeply');
  }
}

const sorted = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
