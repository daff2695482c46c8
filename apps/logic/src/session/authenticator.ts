import type { NamePatterns } from '@app/protocol';

/** Who somebody at the door is. */
export interface Identity {
  /** Missing for an anonymous connection. */
  user?: string;
  /** When the credentials name it; it wins over what the client asked for. */
  app?: string;
  /** Likewise. */
  device?: string;
  /** Labels that win over the client's own. */
  labels: Record<string, string>;
  /** The rooms that the credentials list; missing when they list none. */
  rooms?: NamePatterns;
  /** When the credentials end; 0 = never. */
  expiresAtMs: number;
  /** Of a token: what it may be revoked by. */
  token?: { id?: string; /** 0 when it does not say. */ issuedAtMs: number };
}

/** What a client showed. */
export interface Credentials {
  token?: string;
  /** `user` of the query. */
  user?: string;
}

export abstract class Authenticator {
  /**
   * Who this is. Names come back in normal form.
   * @throws CodedError unauthenticated, bad_name, or auth_unavailable: this one cannot be judged now.
   */
  abstract identify(credentials: Credentials): Promise<Identity>;
}
