import { normalName } from './name.js';

/**
 * Names by patterns, as a token's `rooms` lists them: `*` stands for any characters or none, everything else for itself.
 * Nothing matches an empty list.
 */
export class NamePatterns {
  /** Each pattern as what stands between its stars. */
  private readonly patterns: readonly (readonly string[])[];

  private constructor(readonly texts: readonly string[]) {
    this.patterns = texts.map((text) => text.split('*'));
  }

  /** Undefined when one is no pattern: what is left of it without stars must be able to stand in a name. */
  static parse(texts: readonly unknown[]): NamePatterns | undefined {
    const known: string[] = [];
    for (const text of texts) {
      if (typeof text !== 'string' || text === '') return undefined;
      const pattern = text.normalize('NFC');
      const letters = pattern.replaceAll('*', '');
      if (letters !== '' && normalName(letters) === undefined) return undefined;
      known.push(pattern.replace(/\*+/g, '*'));
    }
    return new NamePatterns(known);
  }

  /** In time of name × pattern: a pattern cannot make it slow. `name` is in normal form. */
  matches(name: string): boolean {
    return this.patterns.some((parts) => fits(name, parts));
  }
}

function fits(name: string, parts: readonly string[]): boolean {
  const [first = ''] = parts;
  if (parts.length === 1) return name === first;
  const last = parts.at(-1)!;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  // The leftmost place for each leaves the most for the next.
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
