import type { NodeRef, NodeSeen } from './node-directory.js';

/** A user or room got its first session at a node (`present`), or lost its last. */
export interface PresenceChange {
  kind: 'user' | 'room';
  /** `<app>/<user>` or `<app>/<room>`. */
  key: string;
  present: boolean;
}

export interface RouteQuestion {
  /** `<app>/<user>` each. */
  users: readonly string[];
  /** `<app>/<room>` each. */
  rooms: readonly string[];
}

export interface Routes {
  /** Every gateway there is: who gets what is pushed to `all`. */
  gateways: NodeSeen[];
  /** In the order asked: the living incarnations that hold the user. Entries of void incarnations are left out. */
  users: NodeRef[][];
  rooms: NodeRef[][];
}

/**
 * Which nodes hold which users and rooms. Written only when a node's first session of one arrives or its last leaves,
 * batched per tick; users in buckets, rooms as node sets.
 */
export abstract class PresenceDirectory {
  /** Applies the changes of one incarnation, in order, in one round trip. */
  abstract apply(node: NodeRef, changes: readonly PresenceChange[]): Promise<void>;

  /** Answers all of a batch's questions, and which gateways there are; hundreds of questions in one round trip. */
  abstract lookup(question: RouteQuestion): Promise<Routes>;
}
