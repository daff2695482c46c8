/** Tokens that are not believed any more. */
export type Revocation = {
  app: string;
  /** Kept until then, milliseconds since 1970: no token that is meant lives longer. */
  untilMs: number;
} & (
  | { kind: 'token'; /** `jti` of the token. */ id: string }
  | { kind: 'user'; user: string; /** Tokens issued until then are meant, milliseconds since 1970. */ beforeMs: number }
);

export interface RevocationPage {
  /** In the order in which they were made, expired ones left out. */
  revocations: Revocation[];
  /** Where the next page begins. */
  last: number;
  /** There are later ones. */
  more: boolean;
}

/** What was revoked, in one order for everybody who follows it. */
export abstract class RevocationList {
  /**
   * Adds it, or moves what there is of the same token or user: the later end and the later `beforeMs` win. Whoever follows
   * meets it again. What has expired is forgotten meanwhile.
   */
  abstract add(revocation: Revocation): Promise<void>;

  /** Up to `limit` of those made or moved after `last` (0: from the first). */
  abstract read(last: number, limit: number): Promise<RevocationPage>;
}
