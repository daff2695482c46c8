import type { ShardOwner } from '../history-store.js';

/** Who writes each shard: the highest owner epoch of the epoch that was claimed last. */
export class ShardOwners {
  private readonly shards = new Map<number, { epoch: string; ownerEpoch: number; past: Set<string> }>();

  claim(owner: ShardOwner): 'ours' | 'ahead' {
    const held = this.shards.get(owner.shard);
    if (held?.epoch === owner.epoch && held.ownerEpoch > owner.ownerEpoch) return 'ahead';
    this.hold(owner);
    return 'ours';
  }

  /** Whether this owner may write: no later owner has, and its epoch was not left for another one. */
  admit(owner: ShardOwner): boolean {
    const held = this.shards.get(owner.shard);
    if (held?.past.has(owner.epoch)) return false;
    return this.claim(owner) === 'ours';
  }

  private hold({ shard, epoch, ownerEpoch }: ShardOwner): void {
    const held = this.shards.get(shard);
    const past = held?.past ?? new Set();
    if (held && held.epoch !== epoch) past.add(held.epoch);
    past.delete(epoch);
    this.shards.set(shard, { epoch, ownerEpoch, past });
  }
}
