import { Census, type NamePage, type PageWish, type RoomReport, type RoomSize } from '../census.js';
import { livingRefs } from '../node-ref.js';
import type { NodeRef } from '../node-directory.js';
import type { MemoryRegistry } from './memory-registry.js';
import type { Places } from './places.js';
import { byCodePoints } from './sorted-list.js';

export class MemoryCensus extends Census {
  constructor(private readonly registry: MemoryRegistry) {
    super();
  }

  report(node: NodeRef, rooms: readonly RoomReport[]): Promise<boolean[]> {
    const { rooms: places } = this.registry;
    const taken = rooms.map(({ key, members }) => {
      if (!places.has(key, node)) return false;
      places.set(key, node, members);
      return true;
    });
    return Promise.resolve(taken);
  }

  rooms(app: string, wish: PageWish): Promise<NamePage<RoomSize>> {
    const living = this.living();
    const { items, next } = page(this.registry.rooms, app, wish);
    const sizes = items.map((room) => ({ room, members: this.membersOf(`${app}/${room}`, living) }));
    return Promise.resolve({ items: sizes.filter(({ members }) => members > 0), next });
  }

  topRooms(app: string, limit: number): Promise<RoomSize[]> {
    const living = this.living();
    for (;;) {
      const keys = this.registry.rooms.largest(app, limit);
      const sizes = keys.map((key) => ({
        room: key.slice(app.length + 1),
        members: this.membersOf(key, living),
      }));
      // Looking removed what was void, which may have changed who is largest.
      const after = this.registry.rooms.largest(app, limit);
      if (after.length === keys.length && after.every((key, i) => key === keys[i])) return Promise.resolve(sizes);
    }
  }

  sizes(app: string, rooms: readonly string[]): Promise<number[]> {
    const living = this.living();
    return Promise.resolve(rooms.map((room) => this.membersOf(`${app}/${room}`, living)));
  }

  users(app: string, wish: PageWish): Promise<NamePage<string>> {
    const living = this.living();
    const { users } = this.registry;
    const { items, next } = page(users, app, wish);
    const isOnline = (user: string) =>
      [...users.living(`${app}/${user}`, living.standing).keys()].some((ref) => living.leased.has(ref));
    return Promise.resolve({ items: items.filter(isOnline), next });
  }

  private membersOf(key: string, living: Living): number {
    let members = 0;
    for (const [ref, count] of this.registry.rooms.living(key, living.standing))
      if (living.leased.has(ref)) members += count;
    return members;
  }

  private living(): Living {
    const nodes = this.registry.seen('gateway');
    return { standing: livingRefs(nodes), leased: livingRefs(nodes.filter(({ leased }) => leased)) };
  }
}

/** What others wrote is void; of those that stand, only who holds a lease counts. */
interface Living {
  standing: ReadonlySet<NodeRef>;
  leased: ReadonlySet<NodeRef>;
}

/** Names, void ones included. */
function page(places: Places, app: string, { prefix = '', after, limit }: PageWish): NamePage<string> {
  const begin = `${app}/${prefix}`;
  // No name holds U+0000: this is the first key that may follow `after`.
  const next = after === undefined ? begin : `${app}/${after}\0`;
  const start = byCodePoints(next, begin) < 0 ? begin : next;
  const keys = places.from(start, limit + 1).filter((key) => key.startsWith(begin));
  const items = keys.slice(0, limit).map((key) => key.slice(app.length + 1));
  return { items, next: keys.length > limit ? items.at(-1) : undefined };
}
