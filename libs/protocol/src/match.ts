import type { Labels } from './labels.js';
import { normalName } from './name.js';

/** A compiled match expression: whether these labels match. */
export type Match = (labels: Labels | null) => boolean;

const maxLength = 1_024;
const maxDepth = 32;
const token = /\s*([!&|()=]|[\p{L}\p{M}\p{N}._:@/-]+)/uy;

/**
 * Compiles a label expression: `k=v` has this value, bare `k` is there, `!` not, `&` and, `|` or, in this order of
 * binding, and parentheses. Undefined when it is none, longer than 1,024 characters or nested deeper than 32.
 */
export function compileMatch(text: string): Match | undefined {
  if (text.length > maxLength) return undefined;
  const tokens = tokensOf(text);
  if (!tokens) return undefined;
  const reader = { tokens, at: 0, depth: 0 };
  const match = either(reader);
  return reader.at === tokens.length ? match : undefined;
}

interface Reader {
  tokens: readonly string[];
  at: number;
  depth: number;
}

function tokensOf(text: string): string[] | undefined {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  token.lastIndex = 0;
  for (let at = 0; at < end; at = token.lastIndex) {
    const found = token.exec(text);
    if (!found) return undefined;
    tokens.push(found[1]!);
  }
  return tokens;
}

const takes = (reader: Reader, symbol: string): boolean => {
  if (reader.tokens[reader.at] !== symbol) return false;
  reader.at += 1;
  return true;
};

function either(reader: Reader): Match | undefined {
  const parts: Match[] = [];
  do {
    const part = all(reader);
    if (!part) return undefined;
    parts.push(part);
  } while (takes(reader, '|'));
  return parts.length === 1 ? parts[0] : (labels) => parts.some((part) => part(labels));
}

function all(reader: Reader): Match | undefined {
  const parts: Match[] = [];
  do {
    const part = one(reader);
    if (!part) return undefined;
    parts.push(part);
  } while (takes(reader, '&'));
  return parts.length === 1 ? parts[0] : (labels) => parts.every((part) => part(labels));
}

function one(reader: Reader): Match | undefined {
  reader.depth += 1;
  const match = reader.depth > maxDepth ? undefined : nested(reader);
  reader.depth -= 1;
  return match;
}

function nested(reader: Reader): Match | undefined {
  if (takes(reader, '!')) {
    const inner = one(reader);
    return inner && ((labels) => !inner(labels));
  }
  if (takes(reader, '(')) {
    const inner = either(reader);
    return takes(reader, ')') ? inner : undefined;
  }
  return label(reader);
}

function label(reader: Reader): Match | undefined {
  const key = normalName(reader.tokens[reader.at]);
  if (key === undefined) return undefined;
  reader.at += 1;
  if (!takes(reader, '=')) return (labels) => labels !== null && Object.hasOwn(labels, key);
  const value = normalName(reader.tokens[reader.at]);
  if (value === undefined) return undefined;
  reader.at += 1;
  return (labels) => labels !== null && Object.hasOwn(labels, key) && labels[key] === value;
}
