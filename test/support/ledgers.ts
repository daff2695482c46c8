import { sumOf } from './metrics.js';
import { until } from './until.js';

/** What the processes counted of records and of deliveries; see docs/delivery.md. */
export interface Ledgers {
  records: { held: number; unknown: number; resent: number; settled: number; retention: number };
  deliveries: { targeted: number; written: number; dropped: number };
}

/** Sums over what all processes say, each in Prometheus's text format. */
export function ledgersOf(texts: readonly string[]): Ledgers {
  const sum = (name: string, labels?: Record<string, string>) =>
    texts.reduce((all, text) => all + sumOf(text, name, labels), 0);
  const published = (outcome: string) => sum('skylark_bus_records_total', { outcome });
  const dropped = (stage: string, reason?: string) =>
    sum('skylark_dropped_total', { stage, ...(reason !== undefined && { reason }) });
  return {
    records: {
      held: published('held'),
      unknown: published('unknown'),
      resent: published('resent'),
      settled: sum('skylark_job_settled_records'),
      retention: dropped('bus', 'retention'),
    },
    deliveries: {
      targeted: sum('skylark_gateway_targeted_total'),
      written: sum('skylark_gateway_written_total'),
      dropped: dropped('replay') + dropped('outbox'),
    },
  };
}

/** What is not even, as a sentence; undefined when both ledgers are. */
export function unevenIn({ records, deliveries }: Ledgers): string | undefined {
  const settled = records.settled + records.retention;
  // What the bus answered late or not at all may have been held once, and what was sent again twice.
  const most = records.held + records.unknown + records.resent;
  if (settled < records.held || settled > most) return `records: ${JSON.stringify(records)}`;
  const { targeted, written, dropped } = deliveries;
  return targeted === written + dropped ? undefined : `deliveries: ${JSON.stringify(deliveries)}`;
}

/**
 * Waits until both ledgers of a cluster are even: nothing is on its way any more, and nothing went uncounted. Jobs and
 * gateways may have been killed; what a logic has given to the bus it counts only as long as it lives.
 */
export async function ledgersEven(cluster: { scrape(): Promise<string[]> }): Promise<void> {
  let uneven: string | undefined = 'nothing was counted';
  await until(async () => (uneven = unevenIn(ledgersOf(await cluster.scrape()))) === undefined, 'even ledgers').catch(
    () => {
      throw new Error(`the ledgers are not even: ${uneven}`);
    },
  );
}
