import type { Labels, Position } from '@app/protocol';
import type { RefusedRoom } from '@app/rpc';
import type { Connection } from './connection.js';
import type { Identity, Session } from './session.js';

/** What a client showed before the upgrade, read and checked by the transport. */
export interface Hello {
  token: string | undefined;
  /** Query `user`: believed in open mode only. */
  user: string | undefined;
  device: string | undefined;
  app: string | undefined;
  rooms: string[];
  since: Map<string, Position>;
  labels: Labels | null;
  types: readonly number[] | null;
  isMinimal: boolean;
  remoteAddress: string;
}

/** May come in; holds what the session will be made of. `identity` undefined: a token must follow as first frame. */
export interface Ticket {
  hello: Hello;
  identity: Identity | undefined;
  /** Rooms it may join. */
  rooms: readonly string[];
  /** Those it asked for and may not join. */
  refusedRooms?: readonly RefusedRoom[];
  labels: Labels | null;
}

/** An HTTP answer instead of the upgrade. */
export interface DoorRefusal {
  status: 400 | 401 | 403 | 429 | 503;
  code: string;
  message: string;
  retryAfterSeconds?: number;
}

/** Who decides about newcomers: transports call it, admission is it. */
export abstract class Door {
  /** Before the upgrade. */
  abstract knock(hello: Hello): Promise<Ticket | DoorRefusal>;

  /** Right after the upgrade, in the same tick: from here on the session's frames and its end go to Inbound. */
  abstract enter(connection: Connection, ticket: Ticket): Session;

  /** The token came as first frame (107), for a session that is `waiting`; or renews the one it had. Answers what the reply says. */
  abstract refresh(
    session: Session,
    token: string,
  ): Promise<{ code: 'unauthenticated' | 'forbidden' | 'auth_unavailable'; message: string } | undefined>;
}

/** Who takes what clients send: transports call it, the dispatcher is it. */
export abstract class Inbound {
  /** A text frame, as bytes of valid UTF-8. */
  abstract text(session: Session, bytes: Buffer): void;

  /** A binary frame, which the native protocol has no use for. */
  abstract binary(session: Session): void;

  /** The socket is gone. Once per session. */
  abstract closed(session: Session, code: number): void;
}
