import type { Claimed, ShardOwner } from '../history-store.js';

interface Owned {
  epoch: string;
  ownerEpoch: number;
  retainedTo: number;
  past: Set<string>;
}

/** Who writes each shard: the highest owner epoch of the epoch that was claimed last; and up to where it is retained. */
export class ShardOwners {
  private readonly shards = new Map<number, Owned>();

  claim(owner: ShardOwner): Claimed | 'ahead' {
    const held = this.shards.get(owner.shard);
    if (held?.epoch === owner.epoch && held.ownerEpoch > owner.ownerEpoch) return 'ahead';
    return { retainedTo: this.hold(owner).retainedTo };
  }

  /** Whether this owner may write: its epoch is the one that was claimed, with all it was told, and no later owner has written. */
  admit(owner: ShardOwner): 'ours' | 'ghost' | 'lost' {
    const held = this.shards.get(owner.shard);
    if (held?.past.has(owner.epoch)) return 'ghost';
    if (held?.epoch !== owner.epoch) return 'lost';
    if (held.ownerEpoch > owner.ownerEpoch) return 'ghost';
    if (held.retainedTo < (owner.retainedTo ?? -1)) return 'lost';
    held.ownerEpoch = owner.ownerEpoch;
    return 'ours';
  }

  isAsLeft({ shard, epoch, ownerEpoch, retainedTo = -1 }: ShardOwner): boolean {
    const held = this.shards.get(shard);
    return held?.epoch === epoch && held.ownerEpoch === ownerEpoch && held.retainedTo >= retainedTo;
  }

  retained(shard: number, offset: number): void {
    const held = this.shards.get(shard);
    if (held) held.retainedTo = Math.max(held.retainedTo, offset);
  }

  private hold({ shard, epoch, ownerEpoch }: ShardOwner): Owned {
    const held = this.shards.get(shard);
    const past = held?.past ?? new Set();
    if (held && held.epoch !== epoch) past.add(held.epoch);
    past.delete(epoch);
    const owned = { epoch, ownerEpoch, retainedTo: held?.epoch === epoch ? held.retainedTo : -1, past };
    this.shards.set(shard, owned);
    return owned;
  }
}
