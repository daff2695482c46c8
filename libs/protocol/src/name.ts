import { Limits } from './limits.js';

const allowed = /^[\p{L}\p{M}\p{N}._:@/-]+$/u;
/** Of one byte a character and in normal form as it is: nearly all names. */
const plain = /^[\w.:@/-]+$/;
const encoder = new TextEncoder();

/**
 * The name in normal form (NFC) when it may name a room, user or device: 1–128 bytes of UTF-8, letters and digits of
 * any script and `._:@/-`; undefined otherwise.
 */
export function normalName(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length === 0 || value.length > Limits.nameBytes) return undefined;
  if (plain.test(value)) return value;
  const name = value.normalize('NFC');
  if (!allowed.test(name) || encoder.encode(name).length > Limits.nameBytes) return undefined;
  return name;
}

export const badName = 'a name has 1–128 bytes of letters and digits of any script and . _ : @ / -';
