import type { Channel, Position } from '@app/protocol';
import { notRetained, type Target } from '@app/protocol/wires';

/** A shard as history sees it: which epoch, and which of its owners is writing. */
export interface ShardOwner {
  shard: number;
  epoch: string;
  ownerEpoch: number;
  /** The highest offset of a retained record of the shard that the store has acknowledged in this epoch; -1 or missing = none. */
  retainedTo?: number;
}

/** What the store knows of a shard that was claimed. */
export interface Claimed {
  /** Every record to be retained up to here, offset included, is in each of its channels; -1 = none in this epoch. */
  retainedTo: number;
}

/** A record as history keeps it. */
export interface AppendRecord {
  offset: number;
  app: string;
  /** Message id and part: a record with the same pair at another offset is a producer's repeat. */
  id: string;
  part: number;
  retain: boolean;
  /** Absolute; 0 = never. */
  expiresAtMs: number;
  targets: readonly Target[];
  /** Encoded Body: filters in it are applied again at every replay. */
  body: Uint8Array;
}

/**
 * For each record, in order: `'duplicate'` (the same `(id, part)` stands at another offset: drop and count it), or for
 * each of its targets, in order, `prev`: the offset before it in the channel, -1 when not retained, -2 when it is the
 * first that the store knows in this epoch; or, when this one is not retained and others of the channel are,
 * {@link notRetainedAfter} the last of them.
 */
export type Kept = readonly (readonly number[] | 'duplicate')[];

/** Stands in {@link Kept} for a message that is not retained, behind a retained one at `top`. */
export const notRetainedAfter = (top: number): number => (top < 0 ? notRetained : -4 - top);

/** Where a message stands among its channel's retained ones: what a Step says of it. */
export const placeOf = (kept: number): { prev: number; after?: number } =>
  kept <= -4 ? { prev: notRetained, after: -3 - kept } : { prev: kept };

/** Where a channel stands: `top` is its last retained offset, `floor` the highest one trimmed or never known; -1 = none. */
export interface ChannelTop extends Position {
  /** Same as `offset` of Position: the last retained offset. */
  offset: number;
  floor: number;
  /** The highest offset that anybody can have seen here: `offset`, or that of a later message that was not retained. */
  seen: number;
}

/** Whether the store has a record in some channel, by what `append` answered for it. */
export const isRetained = (prevs: Kept[number]): boolean =>
  prevs === 'duplicate' || prevs.some((kept) => placeOf(kept).prev !== notRetained);

/** A retained message of a channel. */
export interface HistoryEntry {
  offset: number;
  /** The offset of the retained entry before it, or -2. */
  prev: number;
  devices: readonly string[];
  body: Uint8Array;
}

export interface HistoryPage {
  epoch: string;
  /** Oldest first, all after the position asked for; expired ones left out. */
  entries: readonly HistoryEntry[];
  /** Last retained offset when the page was read. */
  top: number;
  /** Same epoch, and nothing after the position asked for was trimmed or lost (`floor ≤ since`). */
  recovered: boolean;
}

/** A later owner of the shard has already written. */
export class GhostOwnerError extends Error {
  override readonly name = 'GhostOwnerError';
}

/**
 * The store has forgotten what it acknowledged: it was emptied, restored, or another server with older data took its
 * place. Nothing was appended. The shard must be claimed again.
 */
export class HistoryLostError extends Error {
  override readonly name = 'HistoryLostError';
}

/** What was missed: each channel's last messages, its top, and the names of the bus's lives. */
export abstract class HistoryStore {
  /** The epoch that names this life of the bus; made at the first asking, the same for everybody afterwards. It becomes the current epoch. */
  abstract epochOf(life: string): Promise<string>;

  /**
   * A new epoch for a life whose offsets began again, unless somebody already made one: answers the epoch that follows `old`.
   * A new one is earlier than neither `old` nor `noted`, also where their clock was ahead of ours.
   */
  abstract renewEpoch(life: string, old: string, noted?: string): Promise<string>;

  /** The epoch named last; undefined before any job has named one. */
  abstract currentEpoch(): Promise<string | undefined>;

  /**
   * Claims the shard for this owner. `'ahead'` means that a higher owner epoch has already written in this epoch: either
   * we are a ghost, or the group was deleted and counts anew (the bus's fence tells which).
   */
  abstract claim(owner: ShardOwner): Promise<Claimed | 'ahead'>;

  /**
   * For each owner of a shard of this life, in order: whether the store still stands where its last answer left it, in the
   * owner's epoch, with the owner's claim and all that it acknowledged. One round trip.
   */
  abstract remembers(life: string, owners: readonly ShardOwner[]): Promise<boolean[]>;

  /**
   * Undefined when what `append` has acknowledged is as safe as it will be. Else resolves once that stands on as many
   * replicas as were asked for, or has been given up waiting for; how long that may take is a setting.
   * @throws HistoryLostError when the store does not know what it acknowledged to this owner.
   */
  abstract replicated(owner: ShardOwner): Promise<void> | undefined;

  /**
   * Adds each record to each of its channels, in order, and answers the offset before it there. The same record again
   * (same shard and offset) changes nothing and gets the same answer. Channels whose policy keeps nothing and `connection:`
   * channels cost no write and answer -1. Of a record with `retain: false` its channels remember the offset.
   * One call per batch: one script call per channel, pipelined.
   * @throws GhostOwnerError when a later owner of the shard has already written, or another epoch was claimed for it since.
   * @throws HistoryLostError when the store does not know the shard's claim, or less of the shard than `owner.retainedTo`.
   */
  abstract append(owner: ShardOwner, records: readonly AppendRecord[]): Promise<Kept>;

  /**
   * Adds something to a channel that nobody reads, in the very way records are added: whether the store takes records now.
   * @throws why it does not, GhostOwnerError as `append` does.
   */
  abstract probe(owner: ShardOwner): Promise<void>;

  /** Where each channel stands, in the order asked, in one round trip. A channel never written: the current epoch (or '' before any), all else -1. */
  abstract tops(app: string, channels: readonly Channel[]): Promise<ChannelTop[]>;

  /**
   * What a channel retained after `since`, oldest first. A limit leaves out the oldest and answers `recovered: false`.
   * A position before the first entry that the store has ever seen of the channel was given out by a store that lost it:
   * not recovered. Position -1 was given out before any entry and is recovered while nothing was trimmed. Of a channel
   * never written only -1 is recovered, of one whose policy keeps nothing none is.
   */
  abstract read(app: string, channel: Channel, since: Position, limit?: number): Promise<HistoryPage>;

  /** Undefined when the store answers now, else what is wrong, as a sentence for readiness. */
  abstract problem(): Promise<string | undefined>;

  /** Idempotent. */
  abstract close(): Promise<void>;
}
