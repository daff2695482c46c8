import type { HistoryStore } from '@app/history';
import { Refusal, type Delivery, type DeliveryBatch } from '@app/protocol/wires';
import type { NodeRef } from '@app/registry';
import type { Metrics } from '@app/runtime';
import type { CurrentEpoch } from '../room/current-epoch.js';

/** What of a batch is new here, what came before, and the highest offset taken of its shard with it; or why none of it is taken. */
export type Admitted = { refused: typeof Refusal.none; fresh: Delivery[]; again: Delivery[]; taken: number } | Refused;
export interface Refused {
  refused: Exclude<Refusal, typeof Refusal.none>;
  taken: number;
}

interface Lane {
  epoch: string;
  owner: number;
  taken: number;
}

/**
 * What this gateway has already taken, shard by shard. It outlives any one job: a second owner's repeats are skipped, a
 * ghost owner is refused, and that holds for channels without history too.
 */
export class LaneGuard {
  private readonly lanes = new Map<number, Lane>();
  private readonly repeated;

  constructor(
    private readonly history: HistoryStore,
    private readonly epoch: CurrentEpoch,
    private readonly node: () => NodeRef,
    metrics: Metrics,
  ) {
    this.repeated = metrics.dropped.labels('lane', 'repeated');
  }

  /** @throws when the batch is of another epoch and history cannot say whether that is the current one. */
  async admit(batch: DeliveryBatch): Promise<Admitted> {
    if (batch.incarnation !== this.node()) return { refused: Refusal.otherIncarnation, taken: 0 };
    if (batch.epoch !== this.epoch.value) {
      if ((await this.history.currentEpoch()) !== batch.epoch) return { refused: Refusal.otherEpoch, taken: 0 };
      this.epoch.adopt(batch.epoch);
    }
    const lane = this.laneOf(batch);
    if (batch.ownerEpoch < lane.owner) return { refused: Refusal.ghostOwner, taken: lane.taken };
    lane.owner = batch.ownerEpoch;
    const fresh: Delivery[] = [];
    const again: Delivery[] = [];
    for (const delivery of batch.deliveries) {
      if (delivery.offset <= lane.taken) again.push(delivery);
      else {
        lane.taken = delivery.offset;
        fresh.push(delivery);
      }
    }
    this.repeated.inc(again.length);
    return { refused: Refusal.none, fresh, again, taken: Math.max(0, lane.taken) };
  }

  private laneOf({ shard, epoch }: DeliveryBatch): Lane {
    const known = this.lanes.get(shard);
    if (known?.epoch === epoch) return known;
    const lane: Lane = { epoch, owner: 0, taken: -1 };
    this.lanes.set(shard, lane);
    return lane;
  }
}
