/** Random choices that come out the same for the same seed. */
export class Seeded {
  private state: number;

  constructor(...seeds: (number | string)[]) {
    const mix = (sum: number, byte: number) => Math.imul(sum ^ byte, 16_777_619); // FNV-1a
    this.state = Buffer.from(seeds.join('/')).reduce(mix, 2_166_136_261);
  }

  /** A whole number from 0 to `below` - 1 (mulberry32). */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  bytes(atMost: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(atMost + 1) }, () => this.below(256)));
  }

  /** Text of any characters, lone surrogates included. */
  text(atMost: number): string {
    const char = () => String.fromCharCode(this.chance(80) ? 32 + this.below(95) : this.below(65_536));
    return Array.from({ length: this.below(atMost + 1) }, char).join('');
  }
}

const odd: readonly unknown[] = [
  null, true, false, 0, -0, 1, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, '', ' ', '0', 'null', '\u0000', '\ud800', '__proto__', 'constructor',
  [], {}, [[]], [null], [[[[]]]], { '': '' }, { length: -1 }, { toString: null }, 'all', 'user', 'room:', 'g1~1~2s', '~~', 'x'.repeat(200), '体育',
]; // prettier-ignore

/** The value with one or a few places of it gone, doubled, renamed or something else. */
export function mutated(random: Seeded, value: unknown): unknown {
  const copy = structuredClone(value);
  let places = 1 + random.below(3);
  let result = copy;
  while (places-- > 0) result = mutateOnce(random, result, 4);
  return result;
}

function mutateOnce(random: Seeded, value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth === 0 || random.chance(15)) {
    return typeof value === 'string' && random.chance(50) ? mutatedText(random, value) : random.one(odd);
  }
  if (Array.isArray(value)) {
    if (value.length === 0 || random.chance(20)) return [...value, random.one(odd)];
    const at = random.below(value.length);
    return value.map((item, i) => (i === at ? mutateOnce(random, item, depth - 1) : (item as unknown)));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || random.chance(15)) entries.push([random.text(8), random.one(odd)]);
  const at = random.below(entries.length);
  const [key, inner] = entries[at]!;
  if (random.chance(20)) entries.splice(at, 1);
  else if (random.chance(10)) entries[at] = [mutatedText(random, key), inner];
  else entries[at] = [key, mutateOnce(random, inner, depth - 1)];
  return Object.fromEntries(entries);
}

/** The text with a few characters gone, changed, repeated or put in. */
export function mutatedText(random: Seeded, text: string): string {
  let result = text;
  for (let places = 1 + random.below(4); places > 0; places -= 1) {
    const at = random.below(result.length + 1);
    const put = random.chance(40) ? '' : random.text(4);
    result = result.slice(0, at) + put + result.slice(at + random.below(4));
  }
  return result;
}

/** As {@link mutatedText}, byte by byte. */
export const mutatedBytes = (random: Seeded, bytes: Buffer): Buffer =>
  Buffer.from(mutatedText(random, bytes.toString('latin1')), 'latin1');
