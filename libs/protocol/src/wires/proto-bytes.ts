/** Proto3's wire format by hand, for messages of which there are a hundred thousand a second. */

const varint = 0;
const fixed64 = 1;
const lengthPrefixed = 2;
const fixed32 = 5;

/** The tag of a field of integers. */
export const uintTag = (field: number): number => (field << 3) | varint;
/** The tag of a field of a string, bytes or a message. */
export const sizedTag = (field: number): number => (field << 3) | lengthPrefixed;

/**
 * Writes from the end to the begin, so that the length of what is nested is known when it is needed. Field by field, last one
 * first; defaults are left out. `bytes` must be large enough: {@link longest} of each string, and 15 for each field.
 */
export class BackwardWriter {
  private at: number;
  private readonly last: Place[] = noPlaces();

  constructor(private readonly bytes: Buffer) {
    this.at = bytes.length;
  }

  /** Where the next nested message ends. */
  get mark(): number {
    return this.at;
  }

  written(): Buffer {
    return this.bytes.subarray(this.at);
  }

  /** A safe integer from 0 on. */
  uint(tag: number, value: number): void {
    if (value !== 0) this.varints(tag, value);
  }

  /** Zigzag; a safe integer of at most 52 bits. */
  sint(tag: number, value: number): void {
    if (value !== 0) this.varints(tag, value < 0 ? -2 * value - 1 : 2 * value);
  }

  string(tag: number, text: string): void {
    if (text !== '') this.element(tag, text);
  }

  /** An element of a list, which may be empty. */
  element(tag: number, text: string): void {
    const { bytes } = this;
    const end = this.at;
    const last = this.last[tag >> 3]!;
    if (last.text === text) {
      this.at = end - last.length;
      for (let i = 0; i < last.length; i += 1) bytes[this.at + i] = bytes[last.at + i]!;
      last.at = this.at;
    } else {
      this.at = end - Buffer.byteLength(text);
      bytes.write(text, this.at);
      last.text = text;
      last.at = this.at;
      last.length = end - this.at;
    }
    this.varints(tag, end - this.at);
  }

  raw(tag: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.at -= value.length;
    this.bytes.set(value, this.at);
    this.varints(tag, value.length);
  }

  /** Ends, which is begins, a message whose fields were written since `mark`. */
  nested(tag: number, mark: number): void {
    this.varints(tag, mark - this.at);
  }

  /** Tags here are below 128. */
  private varints(tag: number, value: number): void {
    const { bytes } = this;
    let length = 1;
    for (let least = 0x80; value >= least; least *= 0x80) length += 1;
    let at = this.at - length;
    this.at = at - 1;
    bytes[at - 1] = tag;
    let rest = value;
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at] = rest;
  }
}

/**
 * Where a string of a field stands: names come again and again, and a look at the last one is a fraction of writing or making one.
 */
interface Place {
  text: string;
  at: number;
  length: number;
}

/** One for each field: those of which there is memory are below 8. */
const noPlaces = (): Place[] => Array.from({ length: 8 }, () => ({ text: '', at: 0, length: 0 }));

/** The most bytes that a string may take. */
export const longest = (text: string): number => text.length * 3;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer, at: number, end: number): string {
  for (let i = at; i < end; i += 1) if (bytes[i]! >= 0x80) return utf8.decode(bytes.subarray(at, end));
  return bytes.toString('latin1', at, end);
}

/** Reads field by field. What does not fit throws a RangeError, what is no UTF-8 a TypeError. */
export class ProtoReader {
  private at = 0;
  private end: number;
  /** Parts of this are made in half the time. */
  private readonly plain: Uint8Array;
  private readonly last: Place[] = noPlaces();

  constructor(private readonly bytes: Buffer) {
    this.plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.end = bytes.length;
  }

  get hasMore(): boolean {
    return this.at < this.end;
  }

  /** Reads a nested message; answers where the outer one ends, for {@link leave}. */
  enter(): number {
    const outer = this.end;
    this.end = this.sized();
    return outer;
  }

  leave(outer: number): void {
    this.end = outer;
  }

  tag(): number {
    return this.uint();
  }

  /** What is above 53 bits is not exact. */
  uint(): number {
    const { bytes, end } = this;
    let { at } = this;
    let value = 0;
    // As small integers as far as they go: a field that once held a double is slow for ever.
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) throw new RangeError('the message ends in a number');
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
    }
    for (let unit = 2 ** 28; unit < 2 ** 70; unit *= 0x80) {
      if (at >= end) throw new RangeError('the message ends in a number');
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
    }
    throw new RangeError('a number of more than ten bytes');
  }

  sint(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  string(tag: number): string {
    const { bytes } = this;
    const end = this.sized();
    const { at } = this;
    this.at = end;
    const last = this.last[tag >> 3]!;
    if (last.length === end - at) {
      let same = 0;
      while (same < last.length && bytes[at + same] === bytes[last.at + same]) same += 1;
      if (same === last.length) return last.text;
    }
    last.text = textOf(bytes, at, end);
    last.at = at;
    last.length = end - at;
    return last.text;
  }

  /** Not a copy. */
  raw(): Uint8Array {
    const end = this.sized();
    const { at } = this;
    this.at = end;
    return this.plain.subarray(at, end);
  }

  /** Passes over a field of a later version. */
  skip(tag: number): void {
    const kind = tag & 7;
    if (kind === varint) this.uint();
    else if (kind === lengthPrefixed) this.at = this.sized();
    else if (kind === fixed64) this.jump(8);
    else if (kind === fixed32) this.jump(4);
    else throw new RangeError(`a field of kind ${kind}`);
  }

  private sized(): number {
    const length = this.uint();
    if (length > this.end - this.at) throw new RangeError('a field ends behind its message');
    return (this.at + length) | 0;
  }

  private jump(bytes: number): void {
    if (bytes > this.end - this.at) throw new RangeError('a field ends behind its message');
    this.at += bytes;
  }
}
