import { encodeMinimalPush, encodePush, type Channel, type Expression, type Match } from '@app/protocol';
import { bodyCodec, Encoding, type Body } from '@app/protocol/wires';
import { textFrame, type Frame } from '../session/frame.js';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import { compiled } from './expressions.js';

/** A message at its place in one channel: live from job, or out of history. */
export interface Placed {
  message: Message;
  /** As in Step: the retained offset before it, or -1, or -2. */
  prev: number;
  /** As in Step: with -1, 1 + the last retained offset before it; 0 = none is known. */
  after: number;
  /** With `user:` channels: only these; empty = all. */
  devices: readonly string[];
  /** With `all`: connections per second here; 0 = at once. */
  rate: number;
}

/** Ids are written into frames as they are: printable ASCII without quotes and backslashes. */
const plainId = /^[!#-[\]-~]+$/;

const plain = 0;
const minimal = 1;

/** A message on its way to sessions: decoded once, and encoded once per form, however many get it. */
export class Message {
  /** Whether it goes to some members of a channel only, or not the same to all. */
  readonly isFiltered: boolean;
  /** What the labels of whoever gets it say; undefined when it is for all labels. */
  readonly only: Expression | undefined;
  private readonly excludedUsers: ReadonlySet<string>;
  private readonly excludedSessions: ReadonlySet<Session>;
  private readonly match: Match | undefined;
  private readonly variants: readonly Match[];
  private readonly payloads: string[] = [];
  private readonly frames = new Map<string, Frame[]>();

  private constructor(
    readonly offset: number,
    readonly body: Body,
    /** Of the encoded body: what holding it costs. */
    readonly bytes: number,
    sessions: SessionTable,
  ) {
    this.isFiltered =
      body.excludeUsers.length > 0 ||
      body.excludeConnections.length > 0 ||
      body.match !== '' ||
      body.variants.length > 0;
    this.excludedUsers = body.excludeUsers.length === 0 ? none : new Set(body.excludeUsers);
    this.excludedSessions =
      body.excludeConnections.length === 0
        ? none
        : new Set(body.excludeConnections.flatMap((id) => sessions.find(id) ?? []));
    const match = body.match === '' ? undefined : compiled(body.match);
    this.only = match?.expression;
    this.match = match?.match;
    this.variants = body.variants.map((variant) => compiled(variant.match).match);
  }

  /** Undefined when the bytes are no Body, or its id would break the frames that it stands in. */
  static read(offset: number, body: Uint8Array, sessions: SessionTable): Message | undefined {
    try {
      const decoded = bodyCodec.decode(body);
      return plainId.test(decoded.id) ? new Message(offset, decoded, body.length, sessions) : undefined;
    } catch {
      return undefined;
    }
  }

  /** One that is only asked whom it is for. */
  static of(body: Body, sessions: SessionTable): Message {
    return new Message(0, body, 0, sessions);
  }

  isExpired(nowMs: number): boolean {
    return this.body.expiresAtMs !== 0 && this.body.expiresAtMs <= nowMs;
  }

  /** The one frame for all members of a channel, when nothing narrows or varies. */
  frame(channel: Channel): Frame {
    return this.encoded(channel, 0, plain);
  }

  /** What a member of the channel gets; undefined when it is not meant for it. */
  frameFor(session: Session, channel: Channel, devices: readonly string[]): Frame | undefined {
    if (!this.isFor(session, devices)) return undefined;
    const variant = this.variants.findIndex((match) => match(session.labels)) + 1;
    return this.encoded(channel, variant, session.isMinimal ? minimal : plain);
  }

  isFor(session: Session, devices: readonly string[]): boolean {
    if (session.types !== null && !session.types.includes(this.body.type)) return false;
    if (devices.length > 0 && (session.device === undefined || !devices.includes(session.device))) return false;
    return !this.isFiltered || this.admits(session);
  }

  private admits(session: Session): boolean {
    if (session.user !== undefined && this.excludedUsers.has(session.user)) return false;
    if (this.excludedSessions.has(session)) return false;
    return this.match === undefined || this.match(session.labels);
  }

  /** `variant` 0 is the body itself. All own channels of users share their frames, because these name no channel. */
  private encoded(channel: Channel, variant: number, form: typeof plain | typeof minimal): Frame {
    const name = form === minimal || channel.startsWith('user:') ? '' : channel;
    let frames = this.frames.get(name);
    if (!frames) this.frames.set(name, (frames = []));
    return (frames[variant * 2 + form] ??= textFrame(this.text(name, variant, form)));
  }

  private text(name: Channel, variant: number, form: typeof plain | typeof minimal): string {
    const { type, id } = this.body;
    const { encoding, payload } = variant === 0 ? this.body : this.body.variants[variant - 1]!;
    const data = (this.payloads[variant] ??= jsonOf(encoding, payload));
    if (form === minimal) return encodeMinimalPush(type, data);
    const envelope = { type, id, offset: this.offset, ...(name === '' ? {} : { channel: name }) };
    return encodePush(envelope, data, encoding === Encoding.binary ? 'base64' : undefined);
  }
}

const none: ReadonlySet<never> = new Set<never>();

/** JSON as it came, text as a JSON string, bytes as base64 in a JSON string. */
function jsonOf(encoding: Encoding, payload: Uint8Array): string {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (encoding === Encoding.json) return bytes.toString('utf8');
  return encoding === Encoding.text ? JSON.stringify(bytes.toString('utf8')) : `"${bytes.toString('base64')}"`;
}
