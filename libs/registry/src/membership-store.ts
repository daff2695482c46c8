import type { NamePage, PageWish } from './census.js';

/**
 * Rooms that users were put into to stay: who is online, and which nodes there are, changes nothing. Kept until they are
 * taken out, or the store is flushed.
 */
export abstract class MembershipStore {
  /**
   * Puts users into a room; hundreds in one round trip. What became of each, in the order asked: `full` when the user is
   * in `limit` rooms already. When it rejects, some may have been put in; doing it again finishes it.
   */
  abstract add(
    app: string,
    room: string,
    users: readonly string[],
    limit: number,
  ): Promise<('joined' | 'already' | 'full')[]>;

  /** Takes users out of a room, likewise. */
  abstract remove(app: string, room: string, users: readonly string[]): Promise<('left' | 'absent')[]>;

  /** Whether each of these users is in the room, in the order asked. */
  abstract has(app: string, room: string, users: readonly string[]): Promise<boolean[]>;

  /** The rooms of each of these users (`<app>/<user>`) in order of code points; hundreds in one round trip. */
  abstract roomsOf(users: readonly string[]): Promise<string[][]>;

  /** The users of a room, by name, page by page. */
  abstract members(app: string, room: string, wish: Pick<PageWish, 'after' | 'limit'>): Promise<NamePage<string>>;

  /** A name for all that is kept here: another one once the store was emptied, so that what is missing tells something or nothing. */
  abstract life(): Promise<string>;
}
