import type { LoadFigures, Round } from './load.js';
import type { SoakProcess } from './process.js';

/** What the processes counted themselves: sums over all of them and all of their lives that were seen. */
export type Counts = Record<string, number>;

/** What was compared, in sentences, and what of it is not as it must be. */
export interface Balance {
  said: string[];
  uneven: string[];
}

/** A process as far as it counts. */
export type Counting = Pick<SoakProcess, 'name' | 'role' | 'lives' | 'isRunning' | 'healthUrl'>;

const counted = /^(skylark_[a-z_]+)(\{[^}]*\})? (\S+)$/;
const isOfTimes = /_(?:bucket|seconds|seconds_sum|seconds_count)$/;
/** Of the way to a session: docs/delivery.md. */
const isOnTheWay = /^skylark_dropped_total\{stage="(?:replay|outbox)"/;

/**
 * Reads `/metrics` of every process again and again, and compares them with one another and with what producer and clients
 * counted. What a process counted between the last look and its end is not known.
 */
export class Ledgers {
  /** By process and life. */
  private readonly seen = new Map<string, Counts>();

  constructor(
    private readonly processes: readonly Counting[],
    private readonly read: (app: Counting) => Promise<string> = metricsOf,
  ) {}

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

  /** By gateway that runs, in its present life. */
  written(): Map<string, number> {
    return new Map(
      this.living('gateway', 'standalone').map(({ life, counts }) => [
        life,
        counts['skylark_gateway_written_total'] ?? 0,
      ]),
    );
  }

  /** Both ledgers. Look when nothing is under way. */
  balance(own: Pick<LoadFigures, 'records' | 'received'>, isFlushed: boolean): Balance {
    const parts = [this.records(own, isFlushed), this.deliveries(), this.receipts(own.received)];
    return { said: parts.flatMap(({ said }) => said), uneven: parts.flatMap(({ uneven }) => uneven) };
  }

  /** While nobody comes or goes, gateways write exactly what clients receive. */
  balanceOfRound({ pushes, received, isWhole }: Round, before: ReadonlyMap<string, number>): Balance {
    const after = this.written();
    const isSame = isWhole && [...after.keys()].every((life) => before.has(life));
    const written = sumOf([...after.values()]) - sumOf([...before.values()]);
    const said = `round of ${pushes} pushes at the end: ${written} written, ${received} received`;
    if (!isSame) return { said: [`${said}; somebody came or went, so that these may differ`], uneven: [] };
    return judged(said, written === received && received > 0);
  }

  /**
   * Jobs' side is committed with the offsets, so that it is exact whichever job died: it must have every record that the
   * producer was told is held, and no other, but those of pushes of which nobody knows. After a flush a repeat may not be known as one.
   * Logics' side ends with each of them: a lower bound.
   */
  private records({ records }: Pick<LoadFigures, 'records'>, isFlushed: boolean): Balance {
    const isOne = this.processes.some(({ role, lives }) => role === 'standalone' && lives > 1);
    if (isOne) return { said: ['records: the embedded bus ended with its process, nothing to compare'], uneven: [] };
    const jobs = this.living('job', 'standalone').map(({ counts }) => counts);
    const settled = (outcome: string) =>
      sumOf(jobs.flatMap((counts) => matching(counts, 'skylark_job_settled_records', `outcome="${outcome}"`)));
    const repeated = settled('duplicate');
    const once = settled('consumed') + settled('dead') + settled('expired');
    const all = Object.entries(this.sums());
    const published = (outcome: string) =>
      sumOf(matching(Object.fromEntries(all), 'skylark_bus_records_total', `outcome="${outcome}"`));
    const held = published('held');
    const most = held + published('unknown') + published('resent');
    const hasEnded = this.processes.some(({ role, lives }) => role === 'logic' && lives > 1);
    const { owed, unsure, most: mostOfOwn } = records;
    const said = `records: ${once} settled and ${repeated} repeats dropped; the producer's own count ${owed} held, ${unsure} not known; logics counted ${hasEnded ? 'at least ' : ''}${held} held`;
    const isOwn = owed <= once && once <= (isFlushed ? mostOfOwn : owed + unsure);
    return judged(said, isOwn && held <= once + repeated && (hasEnded || once + repeated <= most));
  }

  /** Exact for each gateway that runs: what was meant for sessions was written or dropped on the way to them. */
  private deliveries(): Balance {
    const parts = this.living('gateway', 'standalone').map(({ life, counts }) => {
      const targeted = counts['skylark_gateway_targeted_total'] ?? 0;
      const written = counts['skylark_gateway_written_total'] ?? 0;
      const dropped = sumOf(Object.entries(counts).map(([name, count]) => (isOnTheWay.test(name) ? count : 0)));
      const said = `${life}: ${targeted} meant = ${written} written + ${dropped} dropped on the way`;
      return judged(said, targeted === written + dropped);
    });
    return { said: parts.flatMap(({ said }) => said), uneven: parts.flatMap(({ uneven }) => uneven) };
  }

  /** Nobody receives what was not written. More may have been written: what lay unread when a connection was cut. */
  private receipts(received: readonly number[]): Balance {
    const parts = this.processes
      .filter(({ role, lives }) => (role === 'gateway' || role === 'standalone') && lives === 1)
      .map((app) => {
        const written = this.seen.get(lifeOf(app))?.['skylark_gateway_written_total'] ?? 0;
        const here = received[Number(app.name.slice(1))]!;
        return judged(`${app.name}: ${written} written in its only life, ${here} received by clients`, here <= written);
      });
    return { said: parts.flatMap(({ said }) => said), uneven: parts.flatMap(({ uneven }) => uneven) };
  }

  private living(...roles: Counting['role'][]): { life: string; counts: Counts }[] {
    return this.processes
      .filter((app) => roles.includes(app.role) && app.isRunning)
      .map((app) => ({ life: lifeOf(app), counts: this.seen.get(lifeOf(app)) ?? {} }));
  }

  private async lookAt(app: Counting): Promise<void> {
    const life = lifeOf(app);
    try {
      this.seen.set(life, countsIn(await this.read(app)));
    } catch {
      // down, stopped or starting: asked again in a few seconds
    }
  }
}

const metricsOf = async ({ healthUrl }: Counting): Promise<string> =>
  (await fetch(`${healthUrl}/metrics`, { signal: AbortSignal.timeout(2_000) })).text();

/** By metric and labels; what measures times is left out. */
function countsIn(text: string): Counts {
  const counts: Counts = {};
  for (const line of text.split('\n')) {
    const match = counted.exec(line);
    if (match && !isOfTimes.test(match[1]!)) counts[match[1]! + (match[2] ?? '')] = Number(match[3]);
  }
  return counts;
}

const lifeOf = ({ name, lives }: Counting): string => `${name}#${lives}`;
const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
const judged = (said: string, isEven: boolean): Balance => ({
  said: [said],
  uneven: isEven ? [] : [`not even: ${said}`],
});

const matching = (counts: Counts, metric: string, label: string): number[] =>
  Object.entries(counts)
    .filter(([name]) => name.startsWith(`${metric}{`) && name.includes(label))
    .map(([, count]) => count);
