import { Injectable } from '@nestjs/common';
import { Metrics } from '@app/runtime';
import { outcomes, type Counts } from './shard/tally.js';

/** What job counts. `dropped` is by channel of a record where a lane lost it, else by record. */
@Injectable()
export class JobMetrics {
  readonly dropped;
  readonly dead;
  readonly records;
  /** By shard. A commit is far more often than a look at the metrics. */
  private readonly settled = new Map<number, Counts>();
  readonly deliveries;
  readonly batches;
  readonly laneBytes;
  readonly stalledLanes;
  readonly historyLost;
  readonly dispatchSeconds;

  constructor(metrics: Metrics) {
    this.dropped = metrics.dropped;
    this.dead = metrics.counter('skylark_dead_total', 'Records that went to the dead letters, by reason', ['reason']);
    this.records = metrics.counter('skylark_job_records_total', 'Records taken from the bus, repeats included');
    metrics.gauge(
      'skylark_job_settled_records',
      'Records of a shard of ours below its committed offset since the topic was made, by what became of them: consumed, dead, expired, duplicate',
      ['shard', 'outcome'],
      (gauge) => {
        gauge.reset();
        for (const [shard, counts] of this.settled) {
          for (const outcome of outcomes) gauge.set({ shard, outcome }, counts[outcome]);
        }
      },
    );
    this.deliveries = metrics.counter('skylark_job_deliveries_total', 'Deliveries that a gateway has acknowledged');
    this.batches = metrics.counter('skylark_job_batches_total', 'Batches sent to gateways, repeats included');
    this.laneBytes = metrics.gauge('skylark_job_lane_bytes', 'Bytes in all lanes, not acknowledged yet');
    this.stalledLanes = metrics.gauge('skylark_job_stalled_lanes', 'Lanes whose node does not answer: history only');
    this.historyLost = metrics.counter(
      'skylark_job_history_lost_total',
      'Shards whose history was not as it was left: begun again at the committed offset, or in a new epoch too',
      ['outcome'],
    );
    this.dispatchSeconds = metrics.histogram(
      'skylark_job_dispatch_seconds',
      'From the lane until the gateway has flushed',
      [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    );
  }

  /** What the commit of a shard says. */
  settle(shard: number, counts: Counts): void {
    this.settled.set(shard, counts);
  }

  /** The shard is another's to count. */
  unsettle(shard: number): void {
    this.settled.delete(shard);
  }
}
