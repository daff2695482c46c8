import type { HistoryEntry } from '../history-store.js';

/*
 * An entry in the list of its channel, big-endian:
 *
 *   offset f64 · prev f64 · heldUntilMs f64     written by the script, which alone knows prev and the time
 *   version u8 · expiresAtMs f64 · devices u16, each u16 length and UTF-8 · body to the end
 *
 * Numbers are doubles because Lua's are: exact up to 2^53, as offsets are in JavaScript.
 */
const headBytes = 24;
const version = 1;

/** The part of an entry that its writer knows. */
export function packTail(expiresAtMs: number, devices: readonly string[], body: Uint8Array): Buffer {
  const names = devices.map((device) => Buffer.from(device));
  const size = names.reduce((sum, name) => sum + 2 + name.length, 11 + body.length);
  const tail = Buffer.allocUnsafe(size);
  let at = tail.writeUInt8(version, 0);
  at = tail.writeDoubleBE(expiresAtMs, at);
  at = tail.writeUInt16BE(names.length, at);
  for (const name of names) {
    at = tail.writeUInt16BE(name.length, at);
    at += name.copy(tail, at);
  }
  tail.set(body, at);
  return tail;
}

/** Undefined for an entry of a later version, or one cut short. */
export function unpackEntry(packed: Buffer): (HistoryEntry & { expiresAtMs: number }) | undefined {
  if (packed.length < headBytes + 11 || packed[headBytes] !== version) return undefined;
  let at = headBytes + 1;
  const expiresAtMs = packed.readDoubleBE(at);
  let left = packed.readUInt16BE(at + 8);
  at += 10;
  const devices: string[] = [];
  for (; left > 0; left -= 1) {
    const length = at + 2 <= packed.length ? packed.readUInt16BE(at) : packed.length;
    if (at + 2 + length > packed.length) return undefined;
    devices.push(packed.toString('utf8', at + 2, at + 2 + length));
    at += 2 + length;
  }
  const offset = packed.readDoubleBE(0);
  const prev = packed.readDoubleBE(8);
  return { offset, prev, devices, body: packed.subarray(at), expiresAtMs };
}
