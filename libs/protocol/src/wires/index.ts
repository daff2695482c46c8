/**
 * What processes say to each other and what waits on the bus: `libs/protocol/proto/inner-wires.proto`, typed.
 * A door of its own, because clients never see these.
 */
import { isAppId, parseChannel } from '../channel.js';
import { skylark } from './wires.generated.js';

export const Encoding = { json: 0, text: 1, binary: 2 } as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

export const Refusal = { none: 0, ghostOwner: 1, otherIncarnation: 2, otherEpoch: 3, overloaded: 4 } as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

/** `prev` of a step whose delivery is not retained: the gateway neither checks nor moves `last`. */
export const notRetained = -1;
/** `prev` of the first entry of a channel that the store knows in this epoch. */
export const firstKnown = -2;

export interface Variant {
  match: string;
  encoding: Encoding;
  payload: Uint8Array;
}

/** What a client gets, and who of a channel's members gets it. Encoded once by logic, decoded once per gateway. */
export interface Body {
  /** 26 Crockford characters; the same through every retry, replay and redelivery. */
  id: string;
  type: number;
  encoding: Encoding;
  payload: Uint8Array;
  acceptedAtMs: number;
  /** Absolute; 0 = never. */
  expiresAtMs: number;
  /** W3C trace context; empty when there is none. */
  traceparent: string;
  excludeUsers: string[];
  excludeConnections: string[];
  /** Label expression; empty = everybody. */
  match: string;
  variants: Variant[];
}

export interface Target {
  channel: string;
  /** With `user:`; empty = all. */
  devices: string[];
}

/** One per (push, shard) on the bus. Its place there is the offset of every channel it names. */
export interface PushRecord {
  app: string;
  targets: Target[];
  /** An encoded {@link Body}. */
  body: Uint8Array;
  /** = Body.id, so that job can drop a producer's repeat without decoding the body. */
  id: string;
  expiresAtMs: number;
  retain: boolean;
  /** `all` only: connections per second over all gateways; 0 = at once. */
  speed: number;
  /** A push too large for one record in its shard is split. */
  part: number;
}

export interface Step {
  channel: string;
  devices: string[];
  /** Offset of the message before this one in the channel, or {@link notRetained} or {@link firstKnown}. */
  prev: number;
  /** With {@link notRetained}: 1 + the offset of the channel's last retained message before it; 0 or missing = none is known. */
  after?: number;
}

export interface Delivery {
  offset: number;
  /** Only the channels with members at the node meant. */
  steps: Step[];
  /** An encoded {@link Body}. */
  body: Uint8Array;
  app: string;
  /** Connections per second at this node; 0 = at once. */
  rate: number;
}

/** The part of a shard that concerns one incarnation of one node, in order. */
export interface DeliveryBatch {
  epoch: string;
  shard: number;
  ownerEpoch: number;
  incarnation: string;
  deliveries: Delivery[];
}

/** Nobody of that channel is at the node any more: counted, not re-routed. */
export interface Gone {
  offset: number;
  channel: string;
}

export interface DeliveryAck {
  /** The highest offset taken of the shard. */
  taken: number;
  refused: Refusal;
  gone: Gone[];
}

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

const v1 = (skylark as { v1: Record<string, unknown> }).v1;

/** Encode to bytes and decode back; `decode` throws on bytes that are no such message. */
function codec<T>(name: string) {
  const type = v1[name] as Codec<T>;
  return {
    encode: (message: T): Buffer => type.encode(message).finish() as Buffer,
    decode: (bytes: Uint8Array): T => type.decode(bytes),
  };
}

export const bodyCodec = codec<Body>('Body');
export const recordCodec = codec<PushRecord>('Record');
export const deliveryBatchCodec = codec<DeliveryBatch>('DeliveryBatch');
export const deliveryAckCodec = codec<DeliveryAck>('DeliveryAck');

/** An error for what is no record, or lacks what every record has. Fields of later versions are no harm. */
export function readRecord(bytes: Uint8Array): PushRecord | Error {
  try {
    const record = recordCodec.decode(bytes);
    const { app, id, targets, body } = record;
    const isWhole = isAppId(app) && id !== '' && body.length > 0 && targets.length > 0;
    if (isWhole && targets.every(({ channel }) => parseChannel(channel))) return record;
    return new Error('it lacks an app, an id, a body or a channel');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
