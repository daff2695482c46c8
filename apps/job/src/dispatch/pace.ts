/**
 * What each node does of a push's speed, in connections per second: its share of the connections. The counts are up to a
 * second old, so that a node which has just filled up could be given next to nothing: none gets less than a tenth of an
 * equal share, nor less than 1.
 */
export function ratesOf<N extends { connections: number }>(speed: number, nodes: readonly N[]): Map<N, number> {
  const total = nodes.reduce((sum, { connections }) => sum + connections, 0);
  const least = Math.max(1, Math.round(speed / (10 * nodes.length)));
  const shareOf = (node: N) => (total === 0 ? 1 / nodes.length : node.connections / total);
  return new Map(nodes.map((node) => [node, Math.max(least, Math.round(speed * shareOf(node)))]));
}
