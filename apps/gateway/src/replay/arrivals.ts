import {
  allChannel,
  CloseCode,
  encodeError,
  encodePacket,
  ownChannel,
  PacketType,
  roomChannel,
  roomOfChannel,
  userChannel,
  type Channel,
  type ChannelState,
  type Joined,
  type Welcome,
} from '@app/protocol';
import type { Log, Metrics } from '@app/runtime';
import type { Ticket } from '../session/door.js';
import { textFrame } from '../session/frame.js';
import { Held } from '../session/held.js';
import type { Outboxes } from '../session/outboxes.js';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import type { DeviceClaims } from '../upstream/device-claims.js';
import type { LastingRooms } from '../upstream/lasting-rooms.js';
import type { Replay } from './replay.js';
import { Restoring } from './restoring.js';

/** What every welcome says alike. */
export interface WelcomeSettings {
  node: string;
  heartbeatMs: number;
  timeoutMs: number;
  maxMessageBytes: number;
  /** Rooms of a connection: those it asked for come first, then those its user is to stay in, by name. */
  maxRooms: number;
}

/** From admitted to welcomed: into the channels, those that last included, the device claimed, and the welcome as first frame. */
export class Arrivals {
  private readonly failed;
  private readonly leftOut;

  constructor(
    private readonly sessions: SessionTable,
    private readonly replay: Replay,
    private readonly claims: DeviceClaims,
    private readonly lasting: LastingRooms,
    private readonly outboxes: Outboxes,
    private readonly settings: WelcomeSettings,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.failed = metrics.counter('skylark_gateway_arrivals_failed_total', 'Admitted connections closed unwelcomed');
    const leftOut = 'Lasting rooms that a connection was not put back into, being in MAX_ROOMS already';
    this.leftOut = metrics.counter('skylark_gateway_rooms_left_out_total', leftOut);
  }

  /**
   * Resolves when the welcome is on its way, or the session is over. When registry or history do not answer, it is
   * closed 4503 and may come back: never welcomed with a hole.
   */
  async arrive(session: Session, ticket: Ticket): Promise<void> {
    session.state = 'arriving';
    session.held = new Held();
    const own = session.user === undefined ? undefined : userChannel(session.user);
    const channels = [allChannel, ...(own ? [own] : []), ...ticket.rooms.map(roomChannel)];
    const restoring = new Restoring(session, ticket.hello.since, this.lasting, this.settings.maxRooms);
    const announce = (states: ReadonlyMap<Channel, ChannelState>) => {
      session.goLive();
      const welcome = this.welcome(session, own, states);
      this.outboxes.push(session, textFrame(encodePacket(PacketType.welcome, welcome)));
      this.tellRestored(session, restoring, states);
      this.tellRefused(session, ticket, states);
    };
    const welcomed = this.replay.join(session, channels, restoring.since, announce, restoring);
    try {
      await Promise.all([welcomed, this.claims.claim(session)]);
    } catch (error) {
      this.failed.inc();
      this.log.warn({ err: error, session: session.serial }, 'arrival failed');
      session.close(CloseCode.draining, 'not ready, come back');
    }
  }

  private tellRestored(session: Session, restoring: Restoring, states: ReadonlyMap<Channel, ChannelState>): void {
    for (const channel of restoring.restored) {
      const state = states.get(channel);
      const joined: Joined | undefined = state && { room: roomOfChannel(channel), by: 'api', ...state };
      if (!joined) continue;
      (session.byApi ??= new Set()).add(channel);
      this.outboxes.push(session, textFrame(encodePacket(PacketType.joined, joined)));
    }
    if (restoring.leftOut === 0) return;
    this.leftOut.inc(restoring.leftOut);
    const { app, user } = session;
    this.log.warn({ app, user, rooms: restoring.leftOut }, 'not put back into all its rooms: it is in too many');
  }

  /** Rooms that it asked for and is not in, each with the reason. */
  private tellRefused(session: Session, ticket: Ticket, states: ReadonlyMap<Channel, ChannelState>): void {
    for (const { room, code, message } of ticket.refusedRooms ?? []) {
      if (!states.has(roomChannel(room))) this.outboxes.push(session, textFrame(encodeError({ code, message })));
    }
  }

  private welcome(session: Session, own: Channel | undefined, states: ReadonlyMap<Channel, ChannelState>): Welcome {
    const { node, heartbeatMs, timeoutMs, maxMessageBytes } = this.settings;
    return {
      connectionId: this.sessions.connectionIdOf(session),
      ...(session.user === undefined ? {} : { userId: session.user }),
      ...(session.device === undefined ? {} : { deviceId: session.device }),
      node,
      heartbeatMs,
      timeoutMs,
      maxMessageBytes,
      rooms: [...states.keys()].flatMap((channel) => (channel.startsWith('room:') ? roomOfChannel(channel) : [])),
      channels: Object.fromEntries(
        [...states].map(([channel, state]) => [channel === own ? ownChannel : channel, state]),
      ),
    };
  }
}
