import { allChannel, channelKey, type Channel, type Expression, type Labels } from '@app/protocol';
import type { HeldChannel } from '../session/held.js';
import type { Session } from '../session/session.js';
import { LabelIndex } from './label-index.js';

/** A channel that has members at this gateway. */
export class LocalChannel {
  members: Session[] = [];
  /** The offset of the last retained message that went through here, in the current epoch; undefined until it is known. */
  last: number | undefined = undefined;
  /** How many members want only some types, want minimal frames, or hold messages back: 0 each lets one Buffer serve all. */
  picky = 0;
  /** Rooms: how many members the registry was last told; 0 = none yet. See RoomCounts. */
  reported = 0;

  /** Of `all` only: other channels are walked whole. */
  readonly labels: LabelIndex | null;

  constructor(
    readonly key: string,
    readonly app: string,
    readonly channel: Channel,
  ) {
    this.labels = channel === allChannel ? new LabelIndex() : null;
  }

  /** Answers the place. The first one's list is made for it alone, as most users' is: `push` would make room for 17. */
  add(session: Session): number {
    if (this.members.length > 0) return this.members.push(session) - 1;
    this.members = [session];
    return 0;
  }

  /** Whom a message for these labels must pass: all who match are among them, and all who hold back. */
  among(only: Expression | undefined): readonly Session[] {
    return (only && this.labels?.among(only, this.members.length)) ?? this.members;
  }
}

/** First member arrived, or last one left: what the registry is told. */
export type ChannelChange = (channel: LocalChannel, present: boolean) => void;

/** Which session is in which channel, here. */
export class ChannelTable {
  private readonly byKey = new Map<string, LocalChannel>();

  /**
   * `resized`: a channel has one member more, or one less and still some. `lost`: so many messages were held back for a
   * session that has left their channel. `moved`: a session came or left.
   */
  constructor(
    private readonly changed: ChannelChange = () => {},
    private readonly resized: (channel: LocalChannel) => void = () => {},
    private readonly lost: (messages: number) => void = () => {},
    private readonly moved: (session: Session, channel: LocalChannel, isIn: boolean) => void = () => {},
  ) {}

  get size(): number {
    return this.byKey.size;
  }

  get(app: string, channel: Channel): LocalChannel | undefined {
    return this.byKey.get(channelKey(app, channel));
  }

  /** The channel and whether the session is new in it. */
  join(session: Session, channel: Channel): { channel: LocalChannel; isNew: boolean } {
    const key = channelKey(session.app, channel);
    let local = this.byKey.get(key);
    if (!local) {
      local = new LocalChannel(key, session.app, channel);
      this.byKey.set(key, local);
    }
    if (session.memberships.placeIn(local) >= 0) return { channel: local, isNew: false };
    session.memberships.set(local, local.add(session));
    if (isRoom(channel)) session.rooms += 1;
    if (isPicky(session)) local.picky += 1;
    local.labels?.change(session, null, session.labels);
    if (local.members.length === 1) this.changed(local, true);
    this.resized(local);
    this.moved(session, local, true);
    return { channel: local, isNew: true };
  }

  /** False when it was not a member. */
  leave(session: Session, local: LocalChannel): boolean {
    const place = session.memberships.placeIn(local);
    if (place < 0) return false;
    const last = local.members.pop()!;
    if (last !== session) {
      local.members[place] = last;
      last.memberships.set(local, place);
    }
    session.memberships.delete(local);
    if (isRoom(local.channel)) session.rooms -= 1;
    if (isPicky(session)) local.picky -= 1;
    local.labels?.change(session, session.labels, null);
    this.release(session, local);
    if (local.members.length === 0) {
      this.byKey.delete(local.key);
      this.changed(local, false);
    } else this.resized(local);
    this.moved(session, local, false);
    return true;
  }

  /** The session holds messages of this channel back, as one that has `held`. */
  hold(session: Session, local: LocalChannel, holding: HeldChannel): void {
    session.held!.channels.set(local, holding);
    local.labels?.holding.add(session);
  }

  /** The session holds nothing back of this channel any more. */
  release(session: Session, local: LocalChannel): void {
    local.labels?.holding.delete(session);
    const { held } = session;
    const waiting = held?.channels.get(local)?.empty() ?? 0;
    if (waiting > 0) this.lost(waiting);
    if (!held?.channels.delete(local) || held.channels.size > 0 || session.state === 'arriving') return;
    this.alter(session, () => (session.held = null));
  }

  /** Changes what a session wants or is; the channels it is in are told whether one Buffer still serves all. */
  alter(session: Session, change: () => void): void {
    const before = isPicky(session);
    const { labels } = session;
    change();
    if (session.labels !== labels) this.relabel(session, labels);
    const after = isPicky(session);
    if (before === after) return;
    for (const local of this.channelsOf(session)) local.picky += after ? 1 : -1;
  }

  private relabel(session: Session, before: Labels | null): void {
    const all = this.get(session.app, allChannel);
    if (all && session.memberships.placeIn(all) >= 0) all.labels!.change(session, before, session.labels);
  }

  /** Every membership in this gateway is one of this table. */
  channelsOf(session: Session): LocalChannel[] {
    return session.memberships.list() as LocalChannel[];
  }

  [Symbol.iterator](): IterableIterator<LocalChannel> {
    return this.byKey.values();
  }
}

const isRoom = (channel: Channel): boolean => channel.startsWith('room:');

const isPicky = (session: Session): boolean => session.types !== null || session.isMinimal || session.held !== null;
