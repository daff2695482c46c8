import type { Labels } from './labels.js';
import { normalName } from './name.js';

/** A compiled match expression: whether these labels match. */
export type Match = (labels: Labels | null) => boolean;

/** A label expression as it was read. A label without `value` is there, with one it has this value. */
export type Expression =
  | { is: 'label'; key: string; value: string | undefined }
  | { is: 'not'; of: Expression }
  | { is: 'and' | 'or'; of: readonly Expression[] };

const maxLength = 1_024;
const maxDepth = 32;
const token = /\s*([!&|()=]|[\p{L}\p{M}\p{N}._:@/-]+)/uy;

/**
 * Reads a label expression: `k=v` has this value, bare `k` is there, `!` not, `&` and, `|` or, in this order of
 * binding, and parentheses. Undefined when it is none, longer than 1,024 characters or nested deeper than 32.
 */
export function parseMatch(text: string): Expression | undefined {
  if (text.length > maxLength) return undefined;
  const tokens = tokensOf(text);
  if (!tokens) return undefined;
  const reader = { tokens, at: 0, depth: 0 };
  const expression = either(reader);
  return reader.at === tokens.length ? expression : undefined;
}

/** Compiles what {@link parseMatch} reads; undefined when it is none. */
export function compileMatch(text: string): Match | undefined {
  const expression = parseMatch(text);
  return expression && matchOf(expression);
}

export function matchOf(expression: Expression): Match {
  if (expression.is === 'label') return labelMatch(expression.key, expression.value);
  if (expression.is === 'not') {
    const inner = matchOf(expression.of);
    return (labels) => !inner(labels);
  }
  const parts = expression.of.map(matchOf);
  return expression.is === 'and'
    ? (labels) => parts.every((part) => part(labels))
    : (labels) => parts.some((part) => part(labels));
}

function labelMatch(key: string, value: string | undefined): Match {
  if (value === undefined) return (labels) => labels !== null && Object.hasOwn(labels, key);
  return (labels) => labels !== null && Object.hasOwn(labels, key) && labels[key] === value;
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

function either(reader: Reader): Expression | undefined {
  return joined(reader, 'or', '|', all);
}

function all(reader: Reader): Expression | undefined {
  return joined(reader, 'and', '&', one);
}

function joined(
  reader: Reader,
  is: 'and' | 'or',
  symbol: string,
  read: (reader: Reader) => Expression | undefined,
): Expression | undefined {
  const parts: Expression[] = [];
  do {
    const part = read(reader);
    if (!part) return undefined;
    parts.push(part);
  } while (takes(reader, symbol));
  return parts.length === 1 ? parts[0] : { is, of: parts };
}

function one(reader: Reader): Expression | undefined {
  reader.depth += 1;
  const expression = reader.depth > maxDepth ? undefined : nested(reader);
  reader.depth -= 1;
  return expression;
}

function nested(reader: Reader): Expression | undefined {
  if (takes(reader, '!')) {
    const inner = one(reader);
    return inner && { is: 'not', of: inner };
  }
  if (takes(reader, '(')) {
    const inner = either(reader);
    return takes(reader, ')') ? inner : undefined;
  }
  return label(reader);
}

function label(reader: Reader): Expression | undefined {
  const key = normalName(reader.tokens[reader.at]);
  if (key === undefined) return undefined;
  reader.at += 1;
  if (!takes(reader, '=')) return { is: 'label', key, value: undefined };
  const value = normalName(reader.tokens[reader.at]);
  if (value === undefined) return undefined;
  reader.at += 1;
  return { is: 'label', key, value };
}
