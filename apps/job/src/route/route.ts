import type { NodeRef, NodeSeen } from '@app/registry';
import type { PushRecord } from '@app/protocol/wires';

/** Where a record goes: which of its targets at which node, and what goes nowhere. */
export interface Route {
  /** Node → places in the record's `targets`. */
  nodes: Map<NodeSeen, number[]>;
  /** `connection:` targets whose node is another one by now, or which are no connection. */
  gone: number;
  /** Targets at nodes that are dead: no lease, no lane. */
  lost: number;
}

/** What routing needs of a record. */
export type Routable = Pick<PushRecord, 'app' | 'targets'>;

/** Whether we are connected to a node now: one that is has not died, whatever its lease says. */
export abstract class LaneStates {
  abstract isUp(node: NodeRef): boolean;
}
