import { murmur2 } from './murmur2.js';

/** What may be said with a commit, in bytes of UTF-8. */
export const MAX_NOTE_BYTES = 1_024;

/** One record as it waits on the bus. */
export interface BusEntry {
  offset: number;
  /** As it was published; missing where the bus has none. */
  key?: Buffer;
  value: Buffer;
  /** Of a dead record that was sent again: the offset at which it died. */
  replayOf?: number;
}

/**
 * A shard while it is ours: from the moment the bus hands it over until `signal` is aborted. Every piece of state that
 * somebody keeps of a shard hangs on this object and is forgotten with it.
 */
export interface OwnedShard {
  readonly shard: number;
  /** Rises each time the shard changes hands (Kafka: the group's generation; embedded: 1). */
  readonly ownerEpoch: number;
  /** This life of the bus: cluster, topic, number of shards. The history store gives it a name, the epoch. */
  readonly life: string;
  /** Aborted when the shard is no longer ours. */
  readonly signal: AbortSignal;
  /**
   * Whether this owner starts without a place that an owner before had left: nothing was committed, or it was committed
   * in a log that is no more. Other records may have had these offsets before, in this life. The next owner is told the
   * same until a `fence` or `commit` of this one.
   */
  readonly isBeginning: boolean;
  /** What the last commit before this owner's said beside its offset; '' when it said nothing, or there was none. */
  readonly note: string;
  /**
   * Everything below `offset` is handed over: a new owner starts there. Only rises; ignored once `signal` is aborted.
   * @param note for the next owner, at most MAX_NOTE_BYTES; without one the note stays as it was.
   * @throws RangeError when the note is too long.
   */
  commit(offset: number, note?: string): void;
  /**
   * Forgets what was read ahead and hands the entries from the committed offset on over again, in the same ownership. The
   * running `take` ends first, well or not, and is not tried again. Entries come twice by this: that is its purpose.
   */
  seekBack(): void;
  /** Asks for no more entries of this shard until `resume`. Some that were read before may still come. */
  pause(): void;
  resume(): void;
  /**
   * Writes the committed offset again and answers the generation that the bus accepted it under: proof of ownership now.
   * @throws when the bus refuses, which means that we are the ghost.
   */
  fence(): Promise<number>;
}

/** @throws RangeError when the note of a commit is too long. */
export function checkNote(note: string): void {
  const bytes = Buffer.byteLength(note);
  if (bytes > MAX_NOTE_BYTES) throw new RangeError(`a commit's note is ${bytes} bytes, and at most ${MAX_NOTE_BYTES}`);
}

/** Who takes the records of shards. */
export interface ShardConsumer {
  /**
   * Entries of one shard, in order; the next call for this shard comes after this one's promise. A rejected promise makes
   * the bus hand the same entries again after a backoff; nothing is skipped.
   */
  take(shard: OwnedShard, entries: readonly BusEntry[]): Promise<void>;
  /**
   * The last entries before the place where this owner starts, in order and before its first `take`: owners before it had
   * them, so they are only to be remembered, to know by them what is published twice. As many as the bus cares to read
   * again; none where the bus has no owners before. Left out by whoever remembers nothing.
   */
  remember?(shard: OwnedShard, entries: readonly BusEntry[]): Promise<void>;
}

/** The bus does not take or give now; trying again later is right. REST says 503 `bus_unavailable`. */
export class BusUnavailableError extends Error {
  override readonly name = 'BusUnavailableError';
}

/** The topic is not what it was when this process started, so that channels would change their shards. Never retried. */
export class ShardsChangedError extends Error {
  override readonly name = 'ShardsChangedError';
}

export interface Publishing {
  shard: number;
  /** The first channel's key: what Kafka shows as the record's key. */
  key: string | Buffer;
  value: Buffer;
  /** Sends a dead record again: the offset at which it died, so that it is not taken for its own repeat. */
  replayOf?: number;
}

/**
 * What waits between logic and job: in-order logs called shards. A record is durable when `publish` resolves and comes
 * to the shard's owner at least once, in order, until it is committed.
 */
export abstract class Bus {
  /** Number of shards; known once `open` has resolved. */
  abstract readonly shards: number;

  /** This life of the bus, which history names; known once `open` has resolved. */
  abstract readonly life: string;

  /** Whether a 202 may say that the record is on disk. */
  abstract readonly durable: boolean;

  /**
   * Connects, waiting with backoff as long as it takes, and makes what is missing.
   * @throws ShardsChangedError
   */
  abstract open(): Promise<void>;

  /**
   * Resolves when all records are held durably. Records given in one call, or in calls one after the other, keep their
   * order inside a shard. A repeat by the bus itself is possible (same bytes, new offset): readers drop it by `(id, part)`.
   * @throws BusUnavailableError when at least one record is not known to be held.
   */
  abstract publish(records: readonly Publishing[]): Promise<void>;

  /** Starts handing shards' records over; resolves when asked for, not when they come. Once per Bus. */
  abstract consume(consumer: ShardConsumer): Promise<void>;

  /** Undefined when publishing and consuming work now, else what is wrong, as a sentence for readiness. */
  abstract problem(): Promise<string | undefined>;

  /** Gives its shards back after the running `take`s, commits what was committed, disconnects. Idempotent. */
  abstract close(): Promise<void>;

  /** The shard of a channel key: what Kafka's own clients compute, so that anyone can find it. */
  shardOf(key: string): number {
    return (murmur2(Buffer.from(key)) & 0x7fffffff) % this.shards;
  }
}
