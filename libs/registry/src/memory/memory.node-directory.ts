import { NodeDirectory, type NodeEntry, type NodeKind, type NodeSeen } from '../node-directory.js';
import type { MemoryRegistry } from './memory-registry.js';

export class MemoryNodeDirectory extends NodeDirectory {
  constructor(private readonly registry: MemoryRegistry) {
    super();
  }

  nextIncarnation(): Promise<number> {
    // By the time, because the ids of connections hold it: one that somebody keeps over our end must not be another's then.
    this.registry.lastIncarnation = Math.max(this.registry.lastIncarnation + 1, this.registry.clock.now());
    return Promise.resolve(this.registry.lastIncarnation);
  }

  renew(entry: NodeEntry, leaseMs: number): Promise<'renewed' | 'missing' | 'superseded'> {
    const held = this.registry.seen(entry.kind).find(({ id }) => id === entry.id);
    if (held && held.incarnation > entry.incarnation) return Promise.resolve('superseded');
    this.registry.lease(entry, leaseMs);
    return Promise.resolve(held?.incarnation === entry.incarnation && held.leased ? 'renewed' : 'missing');
  }

  remove(kind: NodeKind, id: string, incarnation: number): Promise<void> {
    if (this.registry.node(kind, id)?.incarnation === incarnation) this.registry.nodes[kind].delete(id);
    return Promise.resolve();
  }

  list(kind: NodeKind): Promise<NodeSeen[]> {
    return Promise.resolve(this.registry.seen(kind));
  }

  problem(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
