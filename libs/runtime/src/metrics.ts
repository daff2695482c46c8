import { stdout } from './log-lines.js';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** The process's Prometheus metrics, all named `skylark_…`. Asking for a metric again gives the same one. */
export class Metrics {
  readonly registry = new Registry();

  /** Whatever was dropped, wherever: `stage` is the place, `reason` a word for why. */
  readonly dropped = this.counter('skylark_dropped_total', 'Messages dropped, by place and reason', [
    'stage',
    'reason',
  ]);

  /** Whatever was refused or closed for being too much; `limit` is a word for which. */
  readonly limited = this.counter('skylark_limited_total', 'Refused or closed for being too much, by limit', ['limit']);

  constructor() {
    const logLines = 'Log lines that nobody read in time, since the start';
    this.gauge('skylark_log_lines_dropped', logLines, [], (gauge) => gauge.set(stdout.dropped));
  }

  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return this.known<Counter<L>>(name) ?? new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** `collect` sets it when it is read, for what changes more often than that. */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect: (gauge: Gauge<L>) => void = () => {},
  ): Gauge<L> {
    const known = this.known<Gauge<L>>(name);
    if (known) return known;
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => collect(gauge),
    });
    return gauge;
  }

  histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return (
      this.known<Histogram<L>>(name) ?? new Histogram({ name, help, buckets, labelNames, registers: [this.registry] })
    );
  }

  /** Memory, CPU, event loop of this process. Once per process. */
  collectProcess(): this {
    if (!this.known('process_cpu_seconds_total')) collectDefaultMetrics({ register: this.registry });
    return this;
  }

  private known<T>(name: string): T | undefined {
    return this.registry.getSingleMetric(name) as T | undefined;
  }
}
