import { createHash } from 'node:crypto';
import { isAppId } from '@app/protocol';

/** What a key may do: send messages, change who is connected and where, look. */
export const scopes = ['push', 'manage', 'read'] as const;
export type Scope = (typeof scopes)[number];

/** One key of REST, without the key itself. */
export interface ApiKey {
  /** What logs, metrics and limits know it by: short, and nothing that a key can be guessed from. */
  id: string;
  /** Given by people; the id when they gave none. */
  name: string;
  scopes: ReadonlySet<Scope>;
  /** The only app it speaks for; undefined: any. */
  app: string | undefined;
  /** From then on it is none; Infinity: never. */
  expiresAtMs: number;
  /** SHA-256 of the key. */
  digest: Buffer;
}

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** A key as it was written into the settings: it may do everything, for every app. `place` counts from 1. */
export const plainKey = (key: string, place: number): ApiKey => ({
  id: `plain-${place}`, // not of its hash: a weak key could be guessed from that
  name: `plain-${place}`,
  scopes: new Set(scopes),
  app: undefined,
  expiresAtMs: Infinity,
  digest: digestOf(key),
});

export const isHashed = (text: string): boolean => text.startsWith('sha256:');

const idLength = 8;

/**
 * Reads `sha256:<64 hex digits> [scopes=push+manage+read] [app=shop] [name=web] [expires=2027-01-31T00:00:00Z]`.
 * Without `scopes` it may do everything, without `app` for every app.
 * @throws Error that says what is wrong with it, and never what it is
 */
export function hashedKey(text: string): ApiKey {
  const [hash = '', ...fields] = text.trim().split(/\s+/);
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(hash)?.[1]?.toLowerCase();
  if (hex === undefined) throw new Error('must begin with sha256: and 64 hexadecimal digits');
  const key: ApiKey = {
    id: hex.slice(0, idLength),
    name: hex.slice(0, idLength),
    scopes: new Set(scopes),
    app: undefined,
    expiresAtMs: Infinity,
    digest: Buffer.from(hex, 'hex'),
  };
  const seen = new Set<string>();
  for (const field of fields) {
    const [name = '', value = ''] = field.split(/=(.*)/s);
    const read = readers[name];
    if (read === undefined) throw new Error(`may have the fields ${Object.keys(readers).join(', ')} and no others`);
    if (seen.has(name)) throw new Error(`has ${name}= twice`);
    seen.add(name);
    Object.assign(key, read(value));
  }
  return key;
}

const readers: Readonly<Record<string, ((value: string) => Partial<ApiKey>) | undefined>> = Object.assign(
  Object.create(null) as object,
  {
    scopes: (value: string) => {
      const some = value.split('+');
      if (!some.every(isScope)) throw new Error(`has scopes= with something other than ${scopes.join(', ')}`);
      return { scopes: new Set(some) };
    },
    app: (value: string) => {
      if (!isAppId(value)) throw new Error('has an app= that is none: 1–64 of A–Z, a–z, 0–9, _ and -');
      return { app: value };
    },
    name: (value: string) => {
      if (!/^[\w.-]{1,64}$/.test(value)) throw new Error('has a name= that is none: 1–64 of A–Z, a–z, 0–9, _ . and -');
      return { name: value };
    },
    expires: (value: string) => {
      const expiresAtMs = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(value) ? Date.parse(value) : NaN;
      if (Number.isNaN(expiresAtMs)) throw new Error('has an expires= that is no time like 2027-01-31T00:00:00Z');
      return { expiresAtMs };
    },
  },
);

const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);

/**
 * All keys of a file: a line each; empty ones and those that begin with `#` are skipped.
 * @throws Error that names the line
 */
export function keysOfFile(text: string): ApiKey[] {
  // Whoever writes in place empties the file first; all keys gone at once is said with a comment line.
  if (text === '') throw new Error('is empty: to have no key at all, leave a comment line in it');
  const lineOf = new Map<string, number>();
  return text.split('\n').flatMap((line, i) => {
    if (/^\s*(#|$)/.test(line)) return [];
    const key = readAt(`line ${i + 1}`, line);
    const hex = key.digest.toString('hex');
    const before = lineOf.get(hex);
    if (before !== undefined) throw new Error(`line ${i + 1} is the key of line ${before} again`);
    lineOf.set(hex, i + 1);
    return key;
  });
}

/** @throws Error that names the place */
function readAt(place: string, text: string): ApiKey {
  try {
    return hashedKey(text);
  } catch (error) {
    throw new Error(`${place} ${(error as Error).message}`, { cause: error });
  }
}

/** Keys of the settings, plain or hashed. @throws Error that names the entry */
export const keysOfList = (list: readonly string[]): ApiKey[] =>
  list.map((text, i) => (isHashed(text) ? readAt(`entry ${i + 1}`, text) : plainKey(text, i + 1)));
