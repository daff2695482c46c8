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
      const places = kind === 'user' ? this.registry.users : this.registry.rooms;
      if (!present) places.delete(key, node);
      else if (!places.has(key, node)) places.set(key, node, 1);
    }
    return Promise.resolve();
  }

  lookup(question: RouteQuestion): Promise<Routes> {
    const gateways = this.registry.seen('gateway');
    const living = livingRefs(gateways);
    const { users, rooms } = this.registry;
    return Promise.resolve({
      gateways,
      users: question.users.map((key) => [...users.living(key, living).keys()].sort()),
      rooms: question.rooms.map((key) => [...rooms.living(key, living).keys()].sort()),
    });
  }
}
