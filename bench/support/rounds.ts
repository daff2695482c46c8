import { rounded, type Figures } from './bench.js';

/** One stretch of work: how much was done, and what it cost. */
export interface Round {
  /** Deliveries, answers, messages: whatever the bench counts. */
  count: number;
  seconds: number;
  serverCpuSeconds: number;
  /** Of the busiest load process. */
  loadCpuSeconds: number;
}

export interface Spread {
  median: number;
  low: number;
  high: number;
}

/** The rounds of one contestant. */
export interface Summary {
  name: string;
  /** Per second. */
  rate: Spread;
  cpuSecondsPerMillion: Spread;
  /** Of one core. */
  loadShare: number;
}

/** From here on a load process may be what held the server up, so that the rate says nothing; what the server spent still does. */
const busy = 0.95;

/**
 * Runs the contestants in turns, every second time backwards, so that what else the machine does meets all alike. Each has
 * a round that does not count first.
 */
export async function inTurns<T, R>(
  contestants: readonly T[],
  rounds: number,
  run: (contestant: T, isWarmUp: boolean) => Promise<R>,
): Promise<R[][]> {
  const results: R[][] = contestants.map(() => []);
  const order = contestants.map((one, i) => ({ one, results: results[i]! }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { one, results: own } of round % 2 === 0 ? order : order.toReversed()) {
      const result = await run(one, round === 0);
      if (round > 0) own.push(result);
    }
  }
  return results;
}

/** As {@link inTurns}, summed up. */
export async function alternate<T extends { name: string }>(
  contestants: readonly T[],
  rounds: number,
  run: (contestant: T, isWarmUp: boolean) => Promise<Round>,
): Promise<Summary[]> {
  const measured = await inTurns(contestants, rounds, run);
  return contestants.map(({ name }, i) => summary(name, measured[i]!));
}

export const summary = (name: string, rounds: readonly Round[]): Summary => ({
  name,
  rate: spread(rounds.map(({ count, seconds }) => count / seconds)),
  cpuSecondsPerMillion: spread(rounds.map(({ count, serverCpuSeconds }) => (serverCpuSeconds / count) * 1e6)),
  loadShare: spread(rounds.map(({ loadCpuSeconds, seconds }) => loadCpuSeconds / seconds)).median,
});

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, low: sorted[0]!, high: sorted.at(-1)! };
}

/** Prints what each contestant did. */
export function show(what: string, summaries: readonly Summary[]): void {
  console.log(`  ${what}`);
  for (const { name, rate, cpuSecondsPerMillion, loadShare } of summaries) {
    const load = `load at ${Math.round(loadShare * 100)} %${loadShare >= busy ? ': rate not valid' : ''}`;
    console.log(
      `    ${name.padEnd(20)} ${range(rate, 0)} /s   ${range(cpuSecondsPerMillion, 2)} CPU s per million   ${load}`,
    );
  }
}

export const range = ({ median, low, high }: Spread, digits: number): string =>
  `${median.toFixed(digits).padStart(9)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;

/**
 * How many times better ours is: `<name>_cpu` by what the servers spent, `<name>_rate` by the clock, which is left out when a
 * load process had no time left.
 */
export function ratios(name: string, ours: Summary, baseline: Summary): Figures {
  const cpu = rounded(baseline.cpuSecondsPerMillion.median / ours.cpuSecondsPerMillion.median);
  if (ours.loadShare >= busy || baseline.loadShare >= busy) return { [`${name}_cpu`]: cpu };
  return { [`${name}_cpu`]: cpu, [`${name}_rate`]: rounded(ours.rate.median / baseline.rate.median) };
}
