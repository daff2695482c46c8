import { Injectable } from '@nestjs/common';
import type { Kept } from '@app/history';
import type { Delivery } from '@app/protocol/wires';
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

  dispatch(run: ShardRun, records: readonly ReadRecord[], kept: Kept, routes: readonly Route[]): void {
    records.forEach((record, i) => {
      const prevs = kept[i]!;
      if (prevs === 'duplicate') this.metrics.dropped.inc({ stage: 'job', reason: 'duplicate' });
      else this.push(run, record, prevs, routes[i]!);
    });
  }

  private push(run: ShardRun, record: ReadRecord, prevs: readonly number[], route: Route): void {
    if (route.gone > 0) this.metrics.dropped.inc({ stage: 'route', reason: 'gone' }, route.gone);
    if (route.lost > 0) this.metrics.dropped.inc({ stage: 'route', reason: 'node_lost' }, route.lost);
    if (route.nodes.size === 0) return;
    const expected = run.watermark.expect(record.offset, route.nodes.size);
    const pushedAtMs = this.clock.now();
    const rates = record.speed > 0 ? ratesOf(record.speed, [...route.nodes.keys()]) : undefined;
    for (const [node, places] of route.nodes) {
      const delivery: Delivery = {
        offset: record.offset,
        steps: places.map((place) => ({ ...record.targets[place]!, prev: prevs[place]! })),
        body: record.body,
        app: record.app,
        rate: rates?.get(node) ?? 0,
      };
      this.lanes
        .of(run, node)
        .push({ delivery, bytes: sizeOf(delivery), expiresAtMs: record.expiresAtMs, expected, pushedAtMs });
    }
  }
}
