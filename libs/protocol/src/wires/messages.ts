/** The messages of `libs/protocol/proto/inner-wires.proto`, as code sees them. */

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
