/** Crockford's base 32: no I, L, O, U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

let lastMs = 0;
const random = new Uint8Array(16);
/** Random bytes for the next ids: it costs as much to ask for a few as for many. */
const spare = new Uint8Array(64 * random.length);
let spent = spare.length;

/**
 * A message id: 26 Crockford characters, sorted by time (ULID, github.com/ulid/spec): 48 bits of milliseconds, 80 random
 * bits; the random part counts up inside one millisecond, so that ids of one process rise.
 */
export function newMessageId(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    renew();
  } else {
    countUp(random);
  }
  let id = '';
  for (let shift = 45; shift >= 0; shift -= 5) id += alphabet[Math.floor(lastMs / 2 ** shift) % 32];
  for (let i = 0; i < 16; i += 1) id += alphabet[random[i]! & 31];
  return id;
}

function renew(): void {
  if (spent === spare.length) {
    crypto.getRandomValues(spare);
    spent = 0;
  }
  random.set(spare.subarray(spent, (spent += random.length)));
}

/** The random part is kept as 16 digits of 5 bits; overflow of all 80 bits in one millisecond wraps. */
function countUp(digits: Uint8Array): void {
  for (let i = digits.length - 1; i >= 0; i -= 1) {
    digits[i] = ((digits[i]! & 31) + 1) & 31;
    if (digits[i] !== 0) return;
  }
}

/** 26 Crockford characters out of at least 17 bytes of a hash: for ids that must come out the same again. */
export function messageIdOfHash(hash: Uint8Array): string {
  let id = '';
  for (let bit = 0; id.length < 26; bit += 5) {
    const pair = (hash[bit >> 3]! << 8) | (hash[(bit >> 3) + 1] ?? 0);
    id += alphabet[(pair >> (11 - (bit & 7))) & 31];
  }
  return id;
}

const pattern = /^[0-9A-HJKMNP-TV-Z]{26}$/;
export const isMessageId = (value: string): boolean => pattern.test(value);
