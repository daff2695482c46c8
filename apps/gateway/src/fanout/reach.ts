import { parseChannel } from '@app/protocol';
import { Encoding, type Target } from '@app/protocol/wires';
import type { CountQuestion } from '@app/rpc';
import type { ChannelTable } from '../room/channel-table.js';
import { Message } from '../room/message.js';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';

/** Whom a push would reach here, with the same filters as fan-out has. */
export class Reach {
  constructor(
    private readonly channels: ChannelTable,
    private readonly sessions: SessionTable,
  ) {}

  /** Each connection once, in however many of the channels it is. */
  count({ app, targets, type, excludeUsers, excludeConnections, match }: CountQuestion): { connections: number } {
    const body = { ...nothing, type, excludeUsers, excludeConnections, match };
    const message = Message.of(body, this.sessions);
    const isReached = (session: Session, { devices }: Target) =>
      session.connection.isOpen && message.isFor(session, devices);
    const [only, ...more] = targets;
    if (only && more.length === 0) {
      return { connections: this.members(app, only, message).filter((session) => isReached(session, only)).length };
    }
    const reached = new Set<Session>();
    for (const target of targets) {
      for (const session of this.members(app, target, message)) if (isReached(session, target)) reached.add(session);
    }
    return { connections: reached.size };
  }

  private members(app: string, { channel }: Target, message: Message): readonly Session[] {
    if (!channel.startsWith('connection:')) return this.channels.get(app, channel)?.among(message.only) ?? [];
    const session = this.sessions.find(parseChannel(channel)?.name ?? '');
    const isHere = session?.app === app && (session.state === 'live' || session.state === 'arriving');
    return isHere ? [session] : [];
  }
}

const nothing = {
  id: '',
  encoding: Encoding.json,
  payload: Buffer.from('null'),
  acceptedAtMs: 0,
  expiresAtMs: 0,
  traceparent: '',
  variants: [],
};
