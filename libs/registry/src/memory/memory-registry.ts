import type { Clock } from '@app/runtime';
import { leasesUntilForgotten } from '../node-ref.js';
import type { NodeEntry, NodeKind, NodeSeen } from '../node-directory.js';
import { Places } from './places.js';

interface Leased {
  entry: NodeEntry;
  leaseEndsMs: number;
  forgetAtMs: number;
}

/** What the directories of one process share. */
export class MemoryRegistry {
  readonly nodes: Record<NodeKind, Map<string, Leased>> = { gateway: new Map(), logic: new Map() };
  readonly users = new Places('by name');
  readonly rooms = new Places('by name and size');
  /** Device → connection id → connSeq. */
  readonly devices = new Map<string, Map<string, number>>();
  lastIncarnation = 0;
  lastConnSeq = 0;

  constructor(readonly clock: Clock) {}

  lease(entry: NodeEntry, leaseMs: number): void {
    const leaseEndsMs = this.clock.monotonic() + leaseMs;
    const forgetAtMs = leaseEndsMs + leasesUntilForgotten * leaseMs;
    this.nodes[entry.kind].set(entry.id, { entry: { ...entry }, leaseEndsMs, forgetAtMs });
  }

  /** The entry unless its lease ran out long ago. */
  node(kind: NodeKind, id: string): NodeEntry | undefined {
    const held = this.nodes[kind].get(id);
    if (held && held.forgetAtMs <= this.clock.monotonic()) this.nodes[kind].delete(id);
    return this.nodes[kind].get(id)?.entry;
  }

  seen(kind: NodeKind): NodeSeen[] {
    const now = this.clock.monotonic();
    const seen: NodeSeen[] = [];
    for (const [id, { entry, leaseEndsMs, forgetAtMs }] of this.nodes[kind]) {
      if (forgetAtMs <= now) this.nodes[kind].delete(id);
      else seen.push({ ...entry, leased: leaseEndsMs > now });
    }
    return seen.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
