import { deliveryAckCodec, deliveryBatchCodec, type DeliveryAck, type DeliveryBatch } from '@app/protocol/wires';

interface Codec<T> {
  encode(message: T): Buffer;
  decode(bytes: Uint8Array): T;
}

/** One thing a process can be asked: its Nest pattern and the bytes of both ways. */
export interface Contract<Request, Response> {
  pattern: string;
  request: Codec<Request>;
  response: Codec<Response>;
}

const json = <T>(): Codec<T> => ({
  encode: (message) => Buffer.from(JSON.stringify(message)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as T,
});

const asJson = <Request, Response>(pattern: string): Contract<Request, Response> => ({
  pattern,
  request: json<Request>(),
  response: json<Response>(),
});

/** job → gateway: a batch of one shard; answered after the flush of the tick that took it. */
export const deliver: Contract<DeliveryBatch, DeliveryAck> = {
  pattern: 'deliver',
  request: deliveryBatchCodec,
  response: deliveryAckCodec,
};

/** gateway → logic: may these connect? Gathered per tick; answered one by one, in order. */
export const admit = asJson<AdmissionRequest[], Admission[]>('session.admit');

/** gateway → logic: may this one join a room of which the webhook says? */
export const mayJoin = asJson<RoomQuestion, RoomAnswer>('room.may');

/** gateway → logic: a new token on a live connection (frame 107). */
export const refresh = asJson<RefreshRequest, Admission>('session.refresh');

/** gateway → logic: who came into rooms and left them, for their members (frames 120–122). One question at a time. */
export const tellPresence = asJson<PresenceReport[], PresenceTold>('room.presence');

/**
 * gateway → logic: these connections were replaced by newer ones of their devices; logic has them closed where they are.
 * `open`: those whose gateway lives and did not answer; they must be asked for again.
 */
export const replaced = asJson<{ connections: string[] }, { open?: string[] }>('session.replaced');

/** logic → gateway: join or leave a room for connections and users that are here. */
export const changeRooms = asJson<RoomChange, RoomChanged>('room.change');

/** logic → gateway: close connections of this gateway. */
export const kick = asJson<Kick, { kicked: string[] }>('session.kick');

/** logic → gateway: how many connections here a push would reach now. Nothing is sent. */
export const count = asJson<CountQuestion, { connections: number }>('push.count');

/** logic → gateway: members of a user's or room's channel who are here, page by page. */
export const listMembers = asJson<MembersAsked, MembersSeen>('members.list');

/** logic → gateway: how many members each channel has here. */
export const countMembers = asJson<{ app: string; channels: string[] }, { counts: number[] }>('members.count');

/** logic → gateway: how many connections, users and rooms of an app there are here. */
export const countApp = asJson<{ app: string }, AppCounts>('app.count');

/** logic → gateway: change what a connection says of itself. */
export const changeLabels = asJson<LabelChange, LabelsChanged>('session.label');

/** What a client showed at the door. Names are normal and checked by the gateway already. */
export interface AdmissionRequest {
  token?: string;
  /** `user` of the query: believed in `open` mode only. */
  user?: string;
  device?: string;
  app?: string;
  rooms: string[];
  labels: Record<string, string>;
  remoteAddress: string;
}

/** Logic's answer. */
export type Admission = Admitted | Refused;

export interface Admitted {
  ok: true;
  app: string;
  /** Missing for an anonymous connection. */
  user?: string;
  device?: string;
  /** The rooms it may join of those it asked for. */
  rooms: string[];
  /** The others, and why. */
  refusedRooms?: RefusedRoom[];
  /** Patterns of rooms that the token lists; missing: it lists none. */
  allowedRooms?: string[];
  /** ROOM_POLICIES, as logic has them, for joins to come; missing: none. */
  roomPolicies?: string;
  /** What the token may be revoked by; missing where there is none. */
  token?: { id?: string; /** 0 when it does not say. */ issuedAtMs: number };
  labels: Record<string, string>;
  /** With user and device: who wins when the device connects twice. */
  connSeq?: number;
  /** When the token ends; the connection is closed 4401 then. 0 = never. */
  expiresAtMs: number;
}

export interface Refused {
  ok: false;
  /** `auth_unavailable`: nobody can say now; asking again is right. */
  code: 'unauthenticated' | 'forbidden' | 'room_forbidden' | 'bad_name' | 'auth_unavailable';
  message: string;
}

export interface RefusedRoom {
  room: string;
  code: 'room_forbidden' | 'auth_unavailable';
  message: string;
}

export interface RoomQuestion {
  app: string;
  room: string;
  user?: string;
  device?: string;
}

/** Of one room, what happened at one gateway since it told last. */
export interface PresenceReport {
  app: string;
  room: string;
  /** Each connection once. */
  changes: { connection: string; user?: string; isIn: boolean }[];
  /** Changes were not told: members hear so first. */
  isLost: boolean;
  /** The last answer said that the room is too large, and its members know. */
  isCrowded: boolean;
}

export interface PresenceTold {
  /** In the order asked: the room is too large for its members to be told. */
  crowded: boolean[];
}

export type RoomAnswer = { ok: true } | ({ ok: false } & RefusedRoom);

export interface RefreshRequest {
  token: string;
  app: string;
  /** Who the connection is already; a token of somebody else, or of another device, is refused. */
  user?: string;
  device?: string;
}

export interface RoomChange {
  app: string;
  room: string;
  action: 'join' | 'leave';
  connections: string[];
  users: string[];
}

/** Of one connection or user: `joined`/`left` when something changed, `already`/`absent` when nothing had to, `gone` when it is not here, `full` when it is in 100 rooms. */
export type MemberOutcome = 'joined' | 'already' | 'left' | 'absent' | 'gone' | 'full';

export interface RoomChanged {
  /** In the order asked. */
  connections: MemberOutcome[];
  users: MemberOutcome[];
}

export interface Kick {
  connections: string[];
  /** All connections that these users of `app` have here. */
  users?: string[];
  /** Connections of another app are left alone; missing: of any. */
  app?: string;
  /** `replaced` closes 4409, `kicked` 4403. */
  why: 'replaced' | 'kicked';
  reason: string;
}

/** A push as far as it says who gets it; see Record and Body of the inner wires. */
export interface CountQuestion {
  app: string;
  targets: { channel: string; devices: string[] }[];
  /** Connections that want other types only are not counted. */
  type: number;
  excludeUsers: string[];
  excludeConnections: string[];
  /** Label expression; empty = everybody. */
  match: string;
}

export interface MembersAsked {
  app: string;
  /** `user:<id>` or `room:<name>`. */
  channel: string;
  /** A connection id: only those who connected after it; empty = from the first. */
  after: string;
  limit: number;
  /** Labels and rooms too. */
  details: boolean;
  /** The remote address too. */
  address: boolean;
}

export interface MembersSeen {
  /** In the order in which they connected. */
  members: ConnectionSeen[];
  /** There are later ones. */
  more: boolean;
}

export interface AppCounts {
  connections: number;
  users: number;
  rooms: number;
}

export interface ConnectionSeen {
  connection: string;
  user?: string;
  device?: string;
  /** To the second. */
  connectedAtMs: number;
  labels?: Record<string, string>;
  rooms?: string[];
  remoteAddress?: string;
}

/** As frame 105. Names are checked by the gateway. */
export interface LabelChange {
  app: string;
  connection: string;
  set: Record<string, string>;
  unset: string[];
}

/** `refused`: nothing was changed. */
export type LabelsChanged =
  | { result: 'changed'; labels: Record<string, string> }
  | { result: 'gone' }
  | { result: 'refused'; code: 'invalid_body' | 'bad_name' | 'too_many_targets'; message: string };
