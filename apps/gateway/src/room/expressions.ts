import { matchOf, parseMatch, type Expression, type Match } from '@app/protocol';

/** A label expression, ready to be asked. */
export interface Compiled {
  expression: Expression;
  match: Match;
}

/** What says nothing that can be read is for nobody: logic has refused it at the door. */
const nobody: Expression = { is: 'or', of: [] };

const most = 1_000;
const known = new Map<string, Compiled>();

/** Compiled once per text: a push is read once per gateway, and again by each replay. */
export function compiled(text: string): Compiled {
  let found = known.get(text);
  if (!found) {
    const expression = parseMatch(text) ?? nobody;
    found = { expression, match: matchOf(expression) };
    if (known.size >= most) known.clear();
    known.set(text, found);
  }
  return found;
}
