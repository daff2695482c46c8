/** Who somebody at the door is. */
export interface Identity {
  /** Missing for an anonymous connection. */
  user?: string;
  /** When the credentials name it; it wins over what the client asked for. */
  app?: string;
  /** Labels that win over the client's own. */
  labels: Record<string, string>;
  /** When the credentials end; 0 = never. */
  expiresAtMs: number;
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
   * @throws CodedError unauthenticated, bad_name; any other error means that nobody can be judged now.
   */
  abstract identify(credentials: Credentials): Promise<Identity>;
}
