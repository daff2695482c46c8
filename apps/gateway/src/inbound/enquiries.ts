import { allChannel, roomOfChannel } from '@app/protocol';
import type { AppCounts, ConnectionSeen, MembersAsked, MembersSeen } from '@app/rpc';
import { LowestFirst } from './lowest-first.js';
import type { ChannelTable } from '../room/channel-table.js';
import type { Session } from '../session/session.js';
import type { SessionTable } from '../session/session-table.js';

/** What logic wants to know of connections of this gateway. */
export class Enquiries {
  constructor(
    private readonly sessions: SessionTable,
    private readonly channels: ChannelTable,
  ) {}

  /** Who stays for the whole listing is listed once, whoever comes and goes meanwhile. */
  members({ app, channel, after, limit, details, address }: MembersAsked): MembersSeen {
    const start = this.sessions.serialOf(after);
    const lowest = new LowestFirst<Session>(limit + 1, ({ serial }) => serial);
    for (const session of this.channels.get(app, channel)?.members ?? []) {
      if (session.serial > start) lowest.offer(session);
    }
    const found = lowest.items();
    return {
      members: found.slice(0, limit).map((session) => this.seen(session, details, address)),
      more: found.length > limit,
    };
  }

  count({ app, channels }: { app: string; channels: readonly string[] }): { counts: number[] } {
    return { counts: channels.map((channel) => this.channels.get(app, channel)?.members.length ?? 0) };
  }

  /** Walks all channels here, as the report of this node does every second. */
  ofApp({ app }: { app: string }): AppCounts {
    const counts = { connections: this.channels.get(app, allChannel)?.members.length ?? 0, users: 0, rooms: 0 };
    for (const local of this.channels) {
      if (local.app !== app) continue;
      if (local.channel.startsWith('user:')) counts.users += 1;
      else if (local.channel.startsWith('room:')) counts.rooms += 1;
    }
    return counts;
  }

  private seen(session: Session, details: boolean, address: boolean): ConnectionSeen {
    const { user, device, labels, connectedAtS } = session;
    return {
      connection: this.sessions.connectionIdOf(session),
      ...(user !== undefined && { user }),
      ...(device !== undefined && { device }),
      connectedAtMs: connectedAtS * 1_000,
      ...(details && { labels: { ...labels }, rooms: this.roomsOf(session) }),
      ...(address && { remoteAddress: session.connection.remoteAddress }),
    };
  }

  private roomsOf(session: Session): string[] {
    return this.channels
      .channelsOf(session)
      .flatMap(({ channel }) => (channel.startsWith('room:') ? roomOfChannel(channel) : []))
      .sort();
  }
}
