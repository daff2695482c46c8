import { HistoryLostError, type ShardOwner } from '../history-store.js';

/** Epoch, owner and `to` of a shard, as HMGET answers them. */
export type ShardSeen = (string | null)[];

/** Whether this is the shard as its owner left it. */
export function isAsLeft([epoch, ownerEpoch, to]: ShardSeen, owner: ShardOwner): boolean {
  const isOurs = epoch === owner.epoch && Number(ownerEpoch) === owner.ownerEpoch;
  return isOurs && Number(to ?? -1) >= (owner.retainedTo ?? -1);
}

/** @throws HistoryLostError unless this is the shard as its owner left it. */
export function lostUnless(seen: ShardSeen, owner: ShardOwner): void {
  if (!isAsLeft(seen, owner)) throw lost(owner);
}

export const lost = ({ shard, retainedTo = -1, epoch }: ShardOwner): HistoryLostError =>
  new HistoryLostError(`history has forgotten shard ${shard}, which it had up to ${retainedTo} of ${epoch}`);
