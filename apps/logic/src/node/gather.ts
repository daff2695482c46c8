import type { NodeRef, NodeSeen } from '@app/registry';
import { refOf } from './gateways.js';

/** Gateway → those of `names` that it holds; what no living gateway holds is in none. */
export function gather(
  gateways: readonly NodeSeen[],
  names: readonly string[],
  refsOf: (name: string, i: number) => readonly NodeRef[],
): Map<NodeSeen, string[]> {
  const byRef = new Map(gateways.map((node) => [refOf(node), node]));
  const where = new Map<NodeSeen, string[]>();
  for (const [i, name] of names.entries()) {
    for (const ref of refsOf(name, i)) {
      const node = byRef.get(ref);
      const there = node && where.get(node);
      if (there !== undefined) there.push(name);
      else if (node !== undefined) where.set(node, [name]);
    }
  }
  return where;
}
