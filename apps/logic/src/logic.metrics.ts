import type { Metrics } from '@app/runtime';

/** What logic counts. */
export class LogicMetrics {
  readonly pushes;
  readonly records;
  readonly presence;
  readonly refusals;
  readonly keys;
  readonly admissions;
  readonly requestSeconds;
  readonly dropped;

  constructor(metrics: Metrics) {
    this.pushes = metrics.counter('skylark_pushes_total', 'Pushes that the bus took, by target', ['target']);
    this.records = metrics.counter('skylark_push_records_total', 'Records that the bus took, one per push and shard');
    this.presence = metrics.counter(
      'skylark_presence_total',
      'Presence frames (120–122) that the bus took, one a room',
    );
    this.refusals = metrics.counter('skylark_refusals_total', 'REST requests refused, by code', ['code']);
    this.keys = metrics.counter(
      'skylark_idempotency_keys_total',
      'Pushes with a key, by what became of it: begun, pending and done again, twin in a batch, done before, conflict',
      ['outcome'],
    );
    this.admissions = metrics.counter('skylark_admissions_total', 'Connections judged, by outcome', ['outcome']);
    this.requestSeconds = metrics.histogram(
      'skylark_http_request_seconds',
      'REST requests from the first byte to the last, by route and status',
      [0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
      ['route', 'status'],
    );
    this.dropped = metrics.dropped;
  }
}
