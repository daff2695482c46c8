import { Injectable } from '@nestjs/common';
import { placeOf, type Kept } from '@app/history';
import type { Delivery } from '@app/protocol/wires';
import type { NodeSeen } from '@app/registry';
import { Clock } from '@app/runtime';
import { sizeOf } from '../batch/batcher.js';
import { JobMetrics } from '../job.metrics.js';
import type { ReadRecord } from '../shard/reader.js';
import type { ShardRun } from '../shard/shard-run.js';
import type { Route } from '../route/route.js';
import { Lanes } from './lanes.js';
import { ratesOf } from './pace.js';

/** Puts records into lanes: each node gets the channels that it holds, with the offset before in each. */
@Injectable()
export class Dispatcher {
  constructor(
    private readonly lanes: Lanes,
    private readonly metrics: JobMetrics,
    private readonly clock: Clock,
  ) {}

  /** Answers the records of which no delivery can be made. */
  dispatch(run: ShardRun, records: readonly ReadRecord[], kept: Kept, routes: readonly Route[]): Undeliverable[] {
    const failed: Undeliverable[] = [];
    records.forEach((record, i) => {
      const prevs = kept[i]!;
      if (prevs === 'duplicate') {
        run.tally.mark(record.offset, 'duplicate');
        return this.metrics.dropped.inc({ stage: 'job', reason: 'duplicate' });
      }
      let parcels: Parcel[];
      try {
        parcels = parcelsOf(record, prevs, routes[i]!);
      } catch (error) {
        failed.push({ record, error });
        return;
      }
      this.push(run, record, parcels, routes[i]!);
    });
    return failed;
  }

  private push(run: ShardRun, record: ReadRecord, parcels: readonly Parcel[], route: Route): void {
    if (route.gone > 0) this.metrics.dropped.inc({ stage: 'route', reason: 'gone' }, route.gone);
    if (route.lost > 0) this.metrics.dropped.inc({ stage: 'route', reason: 'node_lost' }, route.lost);
    if (parcels.length === 0) return;
    const expected = run.watermark.expect(record.offset, parcels.length);
    const pushedAtMs = this.clock.monotonic();
    const { expiresAtMs } = record;
    for (const { node, delivery, bytes } of parcels) {
      this.lanes.of(run, node).push({ delivery, bytes, expiresAtMs, expected, pushedAtMs });
    }
  }
}

/** A record of which no delivery can be made, and why. */
export interface Undeliverable {
  record: ReadRecord;
  error: unknown;
}

interface Parcel {
  node: NodeSeen;
  delivery: Delivery;
  bytes: number;
}

function parcelsOf(record: ReadRecord, prevs: readonly number[], { nodes }: Route): Parcel[] {
  const rates = record.speed > 0 ? ratesOf(record.speed, [...nodes.keys()]) : undefined;
  return [...nodes].map(([node, places]) => {
    const delivery: Delivery = {
      offset: record.offset,
      steps: places.map((place) => ({ ...record.targets[place]!, ...placeOf(prevs[place]!) })),
      body: record.body,
      app: record.app,
      rate: rates?.get(node) ?? 0,
    };
    return { node, delivery, bytes: sizeOf(delivery) };
  });
}
