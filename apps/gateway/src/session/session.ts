import type { Channel, CloseReason, Labels } from '@app/protocol';
import type { Connection } from './connection.js';
import type { Frame } from './frame.js';
import type { Held } from './held.js';
import { Memberships } from './memberships.js';
import type { RoomRights } from './room-rights.js';

/** Who a connection is, as logic admitted it. */
export interface Identity {
  app: string;
  /** Undefined for an anonymous connection. */
  user: string | undefined;
  device: string | undefined;
  /** Who wins when the device connects twice; 0 without a device. */
  connSeq: number;
  /** When the token ends, milliseconds since 1970; 0 = never. */
  expiresAtMs: number;
  /** What its token may be revoked by. */
  token?: TokenMark;
  /** Missing: it may join any room. */
  rights?: RoomRights;
}

/** A token, as far as it can be revoked. */
export interface TokenMark {
  /** `jti`. */
  id: string | undefined;
  /** `iat`; 0 when it does not say. */
  issuedAtMs: number;
}

/**
 * One client's life at this gateway, as small as it can be: there are tens of thousands. What is rare is null until it
 * is needed.
 *
 * `waiting`: no token yet, nothing is sent. `arriving`: admitted, the welcome is under way. `live`. `closed`.
 */
export class Session {
  state: 'waiting' | 'arriving' | 'live' | 'closed' = 'arriving';
  app = '';
  user: string | undefined = undefined;
  device: string | undefined = undefined;
  connSeq = 0;
  expiresAtMs = 0;
  /** How long before it the client is to be warned; 0 = no more. Like all that is whole and below 2³¹ it costs no object of its own. */
  warnBeforeMs = 0;
  token: TokenMark | null = null;
  rights: RoomRights | null = null;
  /** Rooms that REST put it into, which it stays in whatever its token says. */
  byApi: Set<Channel> | null = null;
  /** Rooms that REST wants its user in, as far as we were told; its client may have left them. */
  lasting: Set<Channel> | null = null;
  labels: Labels | null = null;
  /** Message types wanted; null = all. */
  types: readonly number[] | null = null;
  /** Pushes arrive as exactly `{"type","data"}`. */
  isMinimal = false;
  rooms = 0;
  malformedFrames = 0;
  /** Seconds since 1970. */
  connectedAtS = 0;
  /** When the last frame came, in whole milliseconds of the clock that never goes back. */
  seenAtMs = 0;
  /** How full its buckets are, and the second in which that was looked at last: see FrameLimits. */
  frameLevel = 0;
  byteLevel = 0;
  joinLevel = 0;
  meteredAtS = 0;
  readonly memberships = new Memberships();
  /** What waits for the end of the tick: one frame, or several; see Outboxes. */
  pending: Frame | Frame[] | null = null;
  pendingBytes = 0;
  /** Frames may be joined, so these are not their number. */
  pendingMessages = 0;
  /** Channels whose live messages are held back until their replay is done; see replay/. */
  held: Held | null = null;
  /** What waits for the welcome to be out: see goLive. */
  onLive: (() => void) | null = null;

  constructor(
    /** Names the session inside this incarnation; its slot is part of it. See SessionTable. */
    readonly serial: number,
    readonly connection: Connection,
  ) {}

  become(identity: Identity): void {
    this.app = identity.app;
    this.user = identity.user;
    this.device = identity.device;
    this.connSeq = identity.connSeq;
    this.expiresAtMs = identity.expiresAtMs;
    this.token = identity.token ?? null;
    this.rights = identity.rights ?? null;
  }

  /** The welcome is out: from now on the client is answered. */
  goLive(): void {
    if (this.state === 'closed') return;
    this.state = 'live';
    // Not in the middle of what the welcome is part of.
    if (this.onLive) queueMicrotask(this.onLive);
    this.onLive = null;
  }

  /** Starts the end: the transport reports the close, and the farewell follows then. */
  close(reason: CloseReason, text: string = reason.reason): void {
    if (this.state === 'closed') return;
    this.connection.close(reason.code, text);
  }
}
