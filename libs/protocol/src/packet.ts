import type { ErrorCode } from './error-code.js';
import type { Position } from './position.js';

/** Types of the envelope `{type, data, …}`. 1 and 100–199 belong to the protocol, all other ints to the application. */
export const PacketType = {
  ping: 1,
  welcome: 100,
  join: 101,
  leave: 102,
  send: 103,
  ack: 104,
  label: 105,
  ask: 106,
  refresh: 107,
  joined: 108,
  left: 109,
  reply: 110,
  expiring: 111,
  presenceJoined: 120,
  presenceLeft: 121,
  presenceLost: 122,
  goodbye: 190,
} as const;

/** Whether a type belongs to the protocol, so that it may not be pushed. */
export const isReservedType = (type: number): boolean => type === PacketType.ping || (type >= 100 && type <= 199);

/** Packet types are 32-bit ints. */
export const isPacketType = (type: unknown): type is number =>
  typeof type === 'number' && Number.isInteger(type) && type >= -(2 ** 31) && type < 2 ** 31;

/** What a client sends. */
export interface ClientPacket {
  type: number;
  data?: unknown;
  ref?: string;
}

export const pingText = '{"type":1,"data":"PING"}';
export const pongText = '{"type":1,"data":"PONG"}';

/** Of a joined channel: the position after which its frames come, and whether `since` was met without loss. */
export interface ChannelState extends Position {
  /** Left out when no `since` was given. */
  recovered?: boolean;
}

export interface Welcome {
  connectionId: string;
  userId?: string;
  deviceId?: string;
  node: string;
  heartbeatMs: number;
  timeoutMs: number;
  maxMessageBytes: number;
  rooms: string[];
  /** `user` (the own channel), `all` and `room:<name>`. */
  channels: Record<string, ChannelState>;
}

/** 108: the server put this connection into a room. */
export interface Joined extends ChannelState {
  room: string;
  by: 'api';
}

/** 120 and 121: who came into a room, or left it. */
export interface Presence {
  room: string;
  /** Missing for an anonymous connection. */
  user?: string;
  connectionId: string;
}

/** 122: what a client knows of who is in the room does not hold any more. */
export interface PresenceLost {
  room: string;
  /** A gateway is gone, and with it all connections whose id begins so; missing: changes were not told. */
  connections?: string;
}

export interface ReplyError {
  code: ErrorCode;
  message: string;
}

/** A client's frame as a packet; undefined when it is not JSON, no object or has no int `type`. `ref` must be a string of up to 128 characters. */
export function parseClientPacket(text: string): ClientPacket | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { type, data, ref } = value as { type?: unknown; data?: unknown; ref?: unknown };
  if (!isPacketType(type)) return undefined;
  if (ref !== undefined && (typeof ref !== 'string' || ref.length > 128)) return undefined;
  return ref === undefined ? { type, data } : { type, data, ref };
}

/** A frame of the protocol itself (welcome, joined, left, goodbye). */
export const encodePacket = (type: number, data: unknown): string => JSON.stringify({ type, data });

export const encodeReply = (ref: string, data: unknown): string =>
  JSON.stringify({ type: PacketType.reply, data, ref });

/** Without a `ref` the error stands alone. */
export const encodeError = (error: ReplyError, ref?: string): string =>
  JSON.stringify({ type: PacketType.reply, ref, error });

/** What stands in a pushed frame beside its payload. */
export interface PushEnvelope {
  type: number;
  id: string;
  /** Left out when it is the receiver's own `user:` channel. */
  channel?: string;
  offset: number;
}

/**
 * The text of a pushed frame around a payload that is already JSON: `{"type":…,"data":` payload `,"id":…,"channel":…,"offset":…}`.
 * Positions stand last, so that receivers share the bytes before them. `encoding` is `base64` when the payload was bytes.
 */
export function encodePush(envelope: PushEnvelope, payload: string, encoding?: 'base64'): string {
  const channel = envelope.channel === undefined ? '' : `,"channel":${JSON.stringify(envelope.channel)}`;
  const coded = encoding === undefined ? '' : `,"encoding":"${encoding}"`;
  return `{"type":${envelope.type},"data":${payload}${coded},"id":"${envelope.id}"${channel},"offset":${envelope.offset}}`;
}

/** As {@link encodePush} for connections that asked for `fields=minimal`: exactly `{"type","data"}`. */
export const encodeMinimalPush = (type: number, payload: string): string => `{"type":${type},"data":${payload}}`;
