import type { SoakProcess } from './process.js';

/** What the processes counted themselves: sums over all of them and all of their lives that were seen. */
export type Counts = Record<string, number>;

const counted =
  /^(skylark_(?:dropped|dead|pushes|push_records|job_records|job_deliveries|gateway_deliveries|gateway_frames|gateway_gaps|gateway_arrivals_failed|gateway_closes|rpc_refused|[a-z_]*(?:ledger|consumed|accepted|expired|duplicate|targeted|written)[a-z_]*)(?:_total)?)(\{[^}]*\})? (\S+)$/;

/**
 * Reads `/metrics` of every process again and again. What a process counted between the last look and its SIGKILL is not
 * known, so sums are lower bounds in a run with kills.
 */
export class Ledgers {
  /** By process and life. */
  private readonly seen = new Map<string, Counts>();

  constructor(private readonly processes: readonly SoakProcess[]) {}

  async look(): Promise<void> {
    await Promise.all(this.processes.map((app) => this.lookAt(app)));
  }

  /** By metric and labels. */
  sums(): Counts {
    const sums: Counts = {};
    for (const counts of this.seen.values()) {
      for (const [name, value] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  }

  /**
   * The gateways' ledger, life by life as seen last: what was meant for sessions was written or dropped on the way to them.
   * Only lives that still run can be even: look when nothing is under way.
   */
  uneven(): string[] {
    return this.processes.flatMap((app) => {
      const counts = this.seen.get(`${app.name}#${app.lives}`);
      const targeted = counts?.['skylark_gateway_targeted_total'];
      if (!app.isRunning || targeted === undefined) return [];
      const dropped = Object.entries(counts!).filter(([name]) =>
        /^skylark_dropped_total\{stage="(replay|outbox)"/.test(name),
      );
      const written = counts!['skylark_gateway_written_total'] ?? 0;
      const off = targeted - written - dropped.reduce((sum, [, count]) => sum + count, 0);
      return off === 0
        ? []
        : [`ledger of ${app.name}: ${targeted} meant, ${written} written, ${off} not accounted for`];
    });
  }

  private async lookAt(app: SoakProcess): Promise<void> {
    const life = `${app.name}#${app.lives}`;
    try {
      const answer = await fetch(`${app.healthUrl}/metrics`, { signal: AbortSignal.timeout(2_000) });
      const counts: Counts = {};
      for (const line of (await answer.text()).split('\n')) {
        const match = counted.exec(line);
        if (match) counts[match[1]! + (match[2] ?? '')] = Number(match[3]);
      }
      this.seen.set(life, counts);
    } catch {
      // down, stopped or starting: asked again in a few seconds
    }
  }
}
