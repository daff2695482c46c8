import { Refusal, type DeliveryAck, type DeliveryBatch } from '@app/protocol/wires';
import type { Outboxes } from '../session/outboxes.js';
import type { Comparison } from '../replay/comparison.js';
import type { Fanout } from './fanout.js';
import type { LaneGuard } from './lane-guard.js';

/** Batches from job: those of one shard are passed on in the order in which they came, and acknowledged after the tick's flush. */
export class Intake {
  private readonly chains = new Map<number, Promise<unknown>>();

  constructor(
    private readonly lanes: LaneGuard,
    private readonly fanout: Fanout,
    private readonly outboxes: Outboxes,
    private readonly comparison: Comparison,
  ) {}

  async take(batch: DeliveryBatch): Promise<DeliveryAck> {
    const before = this.chains.get(batch.shard);
    const passed = before ? before.then(() => this.pass(batch)) : this.pass(batch);
    const link = passed
      .catch(() => {}) // told to the one who asked; the next batch goes on
      .finally(() => {
        if (this.chains.get(batch.shard) === link) this.chains.delete(batch.shard);
      });
    this.chains.set(batch.shard, link);
    const ack = await passed;
    if (ack.refused === Refusal.none) await this.outboxes.afterFlush();
    return ack;
  }

  private async pass(batch: DeliveryBatch): Promise<DeliveryAck> {
    const admitted = await this.lanes.admit(batch);
    if (admitted.refused !== Refusal.none) return { ...admitted, gone: [] };
    // That is what a job says that had given us up: what it kept from us is in history only.
    if (batch.deliveries.length === 0) this.comparison.ask(this.fanout);
    this.fanout.lookBehind(admitted.again);
    return { taken: admitted.taken, refused: Refusal.none, gone: this.fanout.take(admitted.fresh) };
  }
}
