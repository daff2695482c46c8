import type { FaultMark } from './journal.js';
import type { Verdict } from './judge.js';
import type { Counts } from './ledgers.js';
import type { LoadFigures } from './load.js';
import type { MemoryOf } from './memory.js';

/** Everything that a run found out. */
export interface Report {
  options: Record<string, unknown>;
  seconds: number;
  verdict: Verdict;
  load: LoadFigures;
  faults: FaultMark[];
  /** Processes that ended without being asked to. */
  crashes: string[];
  memory: Record<string, MemoryOf>;
  /** What the ledgers of the metrics say, and how far that can be compared: sentences. */
  ledgers: string[];
  counts: Counts;
  /** Why it failed; empty when it did not. */
  failures: string[];
}

/** What must be 0, in words. */
export function failuresOf({ verdict, load, crashes }: Pick<Report, 'verdict' | 'load' | 'crashes'>): string[] {
  const problems = Object.entries(verdict.problems).filter(([, count]) => count > 0);
  return [
    ...problems.map(([problem, count]) => `${problem}: ${count}`),
    ...load.refusals.slice(0, 5).map((refusal) => `refused: ${refusal}`),
    ...crashes.slice(0, 5),
    ...(verdict.accepted === 0 ? ['no push was accepted'] : []),
    ...(verdict.promisedKept === 0 ? ['nothing was delivered'] : []),
  ];
}

export function table(report: Report): string {
  const { verdict, load, faults, memory, counts } = report;
  const rows: (readonly [string, string | number])[] = [
    ['pushes', `${verdict.pushes}, accepted ${verdict.accepted}`],
    ['answers of REST', list(load.answers)],
    ['deliveries', `${verdict.deliveries}, promised and there ${verdict.promisedKept}`],
    ...Object.entries(verdict.problems).map(([problem, count]) => [problem, count] as const),
    [
      'holes told',
      `${verdict.holesTold} (in the same epoch ${verdict.holesToldInSameEpoch}), missing there ${verdict.missingTold}, again ${verdict.againAfterHole}`,
    ],
    ['fleeting missed', `${verdict.fleetingMissed} (not kept, while something was wrong or they were away)`],
    ['connections', `${load.connections}, resumed channels ${verdict.resumes}`],
    ['ends of connections', list(load.ends)],
    ['changed by REST', `memberships held ${verdict.memberships}, labels changed ${load.relabelled}`],
    ['everything there', `${(load.settledAfterMs / 1000).toFixed(1)} s after the load`],
    ['faults', `${faults.length}: ${list(countBy(faults.map(({ kind }) => kind)))}`],
    ['SIGKILL to all there', recoveryLine(load)],
    [
      'memory, MB',
      Object.entries(memory)
        .map(
          ([name, { startKb, endKb, mostKb, kbPerMinute }]) =>
            `${name} ${mb(startKb)}→${mb(endKb)} (most ${mb(mostKb)}${kbPerMinute === undefined ? '' : `, ${(kbPerMinute / 1024).toFixed(2)} a minute`})`,
        )
        .join(', '),
    ],
    [
      'dropped, as counted',
      list(
        Object.fromEntries(
          Object.entries(counts)
            .filter(([name, n]) => name.startsWith('skylark_dropped') && n > 0)
            .map(([name, n]) => [name.replace('skylark_dropped_total', ''), n]),
        ),
      ),
    ],
    ...report.ledgers.map((line) => ['ledger', line] as const),
    ['ended by themselves', report.crashes.length],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(22)} ${value}`).join('\n');
}

function recoveryLine({ recoveries }: LoadFigures): string {
  const { all, kills } = recoveries;
  if (!all) return kills.length === 0 ? 'no gateway was killed' : 'nobody was at the gateways that were killed';
  const worst = Math.max(...kills.map(({ p99 }) => p99));
  return `p50 ${all.p50} ms, p99 ${all.p99} ms over ${all.clients} clients of ${kills.length} kills; worst kill's p99 ${worst} ms`;
}

const mb = (kb: number | undefined) => (kb === undefined ? '–' : Math.round(kb / 1024));
const list = (counts: Record<string, number>) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || '–';

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
