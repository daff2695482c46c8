/** One use of a key by a producer. */
export interface KeyUse {
  /** What the app and its key make; uses of the same key have the same id. At most 64 characters. */
  id: string;
  /** Tells one body from another. At most 64 characters. */
  hash: string;
  /** What a repeat needs to do the very same again; handed back as it came. */
  stamp: string;
}

/** What a use of a key finds. */
export type KeyFound =
  /** The first, or the first after one that ended badly and long ago: to be done under this use's own stamp. */
  | { state: 'begun' }
  /** Another began it less than `pendingMs` ago and is not known to have ended: to be done again under its stamp. */
  | { state: 'pending'; stamp: string }
  /** Done, and answered like this. */
  | { state: 'done'; answer: string }
  /** The key was used with another body. */
  | { state: 'conflict' };

export interface KeyEnd {
  id: string;
  hash: string;
  /** At most 1 KiB. */
  answer: string;
}

export interface IdempotencyLimits {
  /** Milliseconds for which a use that has not ended lends its stamp to repeats: more than a use may take. */
  pendingMs: number;
  /** Milliseconds for which a key is remembered, from its last beginning or its end. */
  ttlMs: number;
}

/**
 * Keys that producers have used, so that a repeat is known for one. A key is remembered with the hash of its body from
 * its first use on, and with the answer from its end on.
 */
export abstract class IdempotencyStore {
  /**
   * Notes each use and answers what it finds, in the order given: of two uses of one key in one call the second finds the
   * first. One round trip. When it fails, uses may have been noted all the same, which does no harm to their repeats.
   */
  abstract begin(uses: readonly KeyUse[]): Promise<KeyFound[]>;

  /** Notes the answers and gives back those that stand, in the order given: the first one of each key. One round trip. */
  abstract end(ends: readonly KeyEnd[]): Promise<string[]>;

  /** Idempotent. */
  abstract close(): Promise<void>;
}
