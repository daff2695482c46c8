import {
  CloseCode,
  CodedError,
  encodeError,
  encodeReply,
  isReservedType,
  Limits,
  PacketType,
  parseClientPacket,
  pingText,
  pongText,
  type ClientPacket,
  type ErrorCode,
} from '@app/protocol';
import type { Log } from '@app/runtime';
import { Inbound } from '../session/door.js';
import { textFrame } from '../session/frame.js';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { Early } from './early.js';
import type { Farewell } from './farewell.js';
import type { FrameCounts } from './frame-counts.js';
import type { Handler } from './handler.js';

const ping = Buffer.from(pingText);
const pong = textFrame(pongText);

/** What is done by packets of a type; application types are looked up when they come. */
export interface Handlers {
  join: Handler;
  leave: Handler;
  label: Handler;
  refresh: Handler;
  /** `@SubscribeMessage` handlers of the application. */
  application: (type: number) => Handler | undefined;
}

/** What a client's packet does: one table from its type to its handler. */
export class Dispatcher extends Inbound {
  private readonly table: ReadonlyMap<number, Handler>;

  constructor(
    private readonly handlers: Handlers,
    private readonly outboxes: Outboxes,
    private readonly early: Early,
    private readonly farewell: Farewell,
    private readonly counts: FrameCounts,
    private readonly log: Log,
  ) {
    super();
    const { join, leave, label, refresh } = handlers;
    this.table = new Map<number, Handler>([
      [PacketType.ping, (session) => void outboxes.push(session, pong)],
      [PacketType.join, join],
      [PacketType.leave, leave],
      [PacketType.label, label],
      [PacketType.refresh, refresh],
      [PacketType.send, notYet('sending to others')],
      [PacketType.ack, notYet('acknowledging')],
      [PacketType.ask, notYet('asking')],
    ]);
  }

  text(session: Session, bytes: Buffer): void {
    if (session.state !== 'live') return this.beforeLive(session, bytes);
    if (bytes.equals(ping)) {
      // By far the most frequent packet: compared as bytes, answered with a constant.
      this.counts.ping += 1;
      this.outboxes.push(session, pong);
      return;
    }
    const packet = parseClientPacket(bytes.toString());
    if (packet) this.take(session, packet);
    else this.malformed(session, 'a frame is a JSON object with an int `type` and, if any, a `ref` of text');
  }

  binary(session: Session): void {
    if (session.state === 'waiting') session.close(CloseCode.unauthenticated, noToken);
    else this.malformed(session, 'frames are text; the native protocol has no binary ones');
  }

  closed(session: Session, code: number): void {
    this.early.forget(session);
    this.farewell.of(session, code);
  }

  /** Until the welcome is out nothing is answered; before there is a token only the token is heard. */
  private beforeLive(session: Session, bytes: Buffer): void {
    if (session.state === 'closed') return;
    if (session.state === 'arriving' || this.early.isExpected(session)) {
      // ws hands out a view of what the socket read, which must not be kept.
      const copy = Buffer.from(bytes);
      this.early.later(session, copy.length, () => this.text(session, copy));
      return;
    }
    const packet = parseClientPacket(bytes.toString());
    if (packet?.type === PacketType.refresh) this.take(session, packet);
    else session.close(CloseCode.unauthenticated, noToken);
  }

  private take(session: Session, packet: ClientPacket): void {
    const isOurs = isReservedType(packet.type);
    this.counts[isOurs ? 'protocol' : 'application'] += 1;
    const handler = isOurs ? this.table.get(packet.type) : this.handlers.application(packet.type);
    if (!handler) {
      const message = `nobody here takes packets of type ${packet.type}`;
      return this.refuse(session, packet.ref, 'unknown_type', message);
    }
    try {
      const done = handler(session, packet, (data) => this.reply(session, packet.ref, data));
      if (done) done.catch((error: unknown) => this.failed(session, packet, error));
    } catch (error) {
      this.failed(session, packet, error);
    }
  }

  private malformed(session: Session, message: string): void {
    this.counts.malformed += 1;
    session.malformedFrames += 1;
    this.refuse(session, undefined, 'malformed', message);
    if (session.malformedFrames >= Limits.malformedFrames) this.outboxes.close(session, CloseCode.malformed);
  }

  private failed(session: Session, packet: ClientPacket, error: unknown): void {
    if (error instanceof CodedError) return this.refuse(session, packet.ref, error.code, error.message);
    this.log.error({ err: error, type: packet.type }, 'a packet could not be handled');
    this.refuse(session, packet.ref, 'internal', 'this could not be done now');
  }

  private reply(session: Session, ref: string | undefined, data: unknown): void {
    if (ref !== undefined) this.outboxes.push(session, textFrame(encodeReply(ref, data)));
  }

  private refuse(session: Session, ref: string | undefined, code: ErrorCode, message: string): void {
    this.outboxes.push(session, textFrame(encodeError({ code, message }, ref)));
  }
}

const noToken = 'the first frame must bring a token (107)';

function notYet(what: string): Handler {
  return () => {
    throw new CodedError('unsupported_option', `${what} is not supported by this server yet`);
  };
}
