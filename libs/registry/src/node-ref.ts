import { nodeRef, type NodeRef, type NodeSeen } from './node-directory.js';

/** The node id in a ref: what stands before its last `~`. */
export const nodeIdOf = (ref: NodeRef): string => ref.slice(0, ref.lastIndexOf('~'));

/**
 * How long an entry is still listed after its lease ran out, as a multiple of the lease. Long, because a node that cannot
 * renew may live: with its entry goes all that it had written, and nobody can route to it any more.
 */
export const leasesUntilForgotten = 20;

/** The refs of the incarnations that stand in the directory: every other one is void. */
export const livingRefs = (gateways: readonly NodeSeen[]): Set<NodeRef> =>
  new Set(gateways.map((node) => nodeRef(node.id, node.incarnation)));

/** The incarnation in a ref; NaN when it has none. */
export const incarnationOf = (ref: NodeRef): number => parseInt(ref.slice(ref.lastIndexOf('~') + 1), 36);
