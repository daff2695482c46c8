import type { NodeRef } from './node-directory.js';

/** How many members a node has in a room. */
export interface RoomReport {
  /** `<app>/<room>`. */
  key: string;
  /** At least 1: a room whose last member left is told by `PresenceDirectory.apply`. */
  members: number;
}

export interface RoomSize {
  room: string;
  /** Connections in it, over all living nodes. */
  members: number;
}

/** One page of a list in order of names (by code points). Entries found to be void are left out, so a page may be short. */
export interface NamePage<T> {
  items: T[];
  /** The next page comes after this name; undefined when this one is the last. */
  next: string | undefined;
}

/** Where a page of names begins, and how much of the list it looks at. */
export interface PageWish {
  prefix?: string;
  /** Exclusive; undefined for the first page. */
  after?: string | undefined;
  limit: number;
}

/**
 * Who is online, in numbers and page by page. Counts are as old as the last report, a second or so; what void incarnations
 * had written never counts. Each call does a page of work, however many rooms and users there are.
 */
export abstract class Census {
  /**
   * What a node counted, written in one round trip. False where the node does not hold the room as far as the registry
   * knows (a presence that was not written yet, or is gone): nothing was changed there.
   */
  abstract report(node: NodeRef, rooms: readonly RoomReport[]): Promise<boolean[]>;

  /** Rooms of an app that have members. */
  abstract rooms(app: string, wish: PageWish): Promise<NamePage<RoomSize>>;

  /** The largest first, of the same size by name. */
  abstract topRooms(app: string, limit: number): Promise<RoomSize[]>;

  /** Members of each room, in the order asked; 0 for one that nobody is in. */
  abstract sizes(app: string, rooms: readonly string[]): Promise<number[]>;

  /** Users of an app that are online. */
  abstract users(app: string, wish: PageWish): Promise<NamePage<string>>;
}
