import { ownChannel, userChannel, type Channel, type Position } from '@app/protocol';
import type { Session } from '../session/session.js';
import type { LastingRooms } from '../upstream/lasting-rooms.js';

/** What an arriving session brings, and the rooms that it is put back into because its user is to stay in them. */
export class Restoring {
  /** By channel of ours: `user` is the session's own. */
  readonly since: ReadonlyMap<Channel, Position>;
  /** Rooms that it was put into, whose client is told by 108. */
  restored: readonly Channel[] = [];
  /** How many it was not put into, because it is in as many as one may be. */
  leftOut = 0;
  private left: Set<Channel> | null = null;
  private isRead = false;

  constructor(
    private readonly session: Session,
    since: ReadonlyMap<string, Position>,
    private readonly rooms: LastingRooms,
    private readonly maxRooms: number,
  ) {
    const positions = new Map<Channel, Position>(since);
    const own = positions.get(ownChannel);
    if (own && session.user !== undefined) positions.set(userChannel(session.user), own);
    this.since = positions;
  }

  /** Once the registry knows of the session: then who changes the rooms of its user asks us, or we read it here. */
  async read(): Promise<Channel[]> {
    const { app, user } = this.session;
    if (user === undefined || this.isRead) return [];
    this.isRead = true;
    const rooms = await this.rooms.of(app, user);
    for (const room of rooms) (this.session.lasting ??= new Set()).add(room);
    return rooms;
  }

  /** The room was left while they were read: what is read may be older than that. */
  forgo(channel: Channel): void {
    (this.left ??= new Set()).add(channel);
  }

  /** Those of the rooms read that the session comes into, of which it is in none. */
  choose(rooms: readonly Channel[]): readonly Channel[] {
    const wanted = rooms.filter((room) => !this.left?.has(room));
    this.restored = wanted.slice(0, Math.max(0, this.maxRooms - this.session.rooms));
    this.leftOut = wanted.length - this.restored.length;
    return this.restored;
  }
}
