export type NodeKind = 'gateway' | 'logic';

/** One life of one node: `<id>~<incarnation in base 36>`. What user and room entries hold. */
export type NodeRef = string;

export const nodeRef = (id: string, incarnation: number): NodeRef => `${id}~${incarnation.toString(36)}`;

/** A process as the others see it. */
export interface NodeEntry {
  kind: NodeKind;
  id: string;
  /** Rises at each start of a node of this id. */
  incarnation: number;
  /** Where its RPC server listens. */
  host: string;
  port: number;
  /** Gateways: where clients connect, `ws://host:port/connect`. */
  address: string;
  region: string;
  state: 'serving' | 'draining';
  connections: number;
  /** Gateways: newcomers are refused from so many connections on. */
  maxConnections?: number;
  users: number;
  rooms: number;
  startedAtMs: number;
}

/** An entry and whether its lease still runs. A node is dead when its lease is over and its lane is down. */
export interface NodeSeen extends NodeEntry {
  leased: boolean;
}

/** Which processes there are. */
export abstract class NodeDirectory {
  /** A number for this life of the node, higher than all before it. */
  abstract nextIncarnation(kind: NodeKind, id: string): Promise<number>;

  /**
   * Writes the node's entry and lets it hold for `leaseMs` from now. `'missing'`: the entry was gone or its lease over
   * (it stands again now), so that what this node had written may be gone and what was pushed meanwhile passed it by.
   * `'superseded'`: a later incarnation of this id is there; nothing was written, and this process must end.
   */
  abstract renew(entry: NodeEntry, leaseMs: number): Promise<'renewed' | 'missing' | 'superseded'>;

  /** Takes this incarnation's entry away; a later one's stays. */
  abstract remove(kind: NodeKind, id: string, incarnation: number): Promise<void>;

  /** All entries of a kind, those whose lease ran out a short while ago included (`leased: false`), by id. */
  abstract list(kind: NodeKind): Promise<NodeSeen[]>;

  /** Undefined when the registry answers now, else what is wrong, as a sentence for readiness. */
  abstract problem(): Promise<string | undefined>;

  /** Idempotent. */
  abstract close(): Promise<void>;
}
