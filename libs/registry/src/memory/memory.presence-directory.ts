import { livingRefs } from '../node-ref.js';
import type { NodeRef } from '../node-directory.js';
import { PresenceDirectory, type PresenceChange, type RouteQuestion, type Routes } from '../presence-directory.js';
import type { MemoryRegistry } from './memory-registry.js';

export class MemoryPresenceDirectory extends PresenceDirectory {
  constructor(private readonly registry: MemoryRegistry) {
    super();
  }

  apply(node: NodeRef, changes: readonly PresenceChange[]): Promise<void> {
    for (const { kind, key, present } of changes) {
      const table = kind === 'user' ? this.registry.users : this.registry.rooms;
      const refs = table.get(key) ?? new Set();
      if (present) refs.add(node);
      else refs.delete(node);
      if (refs.size > 0) table.set(key, refs);
      else table.delete(key);
    }
    return Promise.resolve();
  }

  lookup(question: RouteQuestion): Promise<Routes> {
    const gateways = this.registry.seen('gateway');
    const living = livingRefs(gateways);
    return Promise.resolve({
      gateways,
      users: question.users.map((key) => livingOf(this.registry.users, key, living)),
      rooms: question.rooms.map((key) => livingOf(this.registry.rooms, key, living)),
    });
  }
}

/** The living refs of a key; the void ones are removed, because we have met them. */
function livingOf(table: Map<string, Set<NodeRef>>, key: string, living: ReadonlySet<NodeRef>): NodeRef[] {
  const refs = table.get(key);
  if (!refs) return [];
  for (const ref of refs) if (!living.has(ref)) refs.delete(ref);
  if (refs.size === 0) table.delete(key);
  return [...refs].sort();
}
