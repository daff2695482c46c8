import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Figures } from './support/bench.js';

/** Figures of an earlier day, which later ones may not fall far under. */
interface Kept {
  date: string;
  machine: string;
  figures: Figures;
}

/** The benches that are quick and steady. */
export const keptBenches: readonly string[] = ['micro', 'one-room', 'ping'];

/** A ratio that falls under this share of the kept one is a loss. */
const least = 0.75;

const file = 'bench/kept.json';

/** As many system calls as answers: half of what it costs is the kernel's, and one build had 2.8 and 4.7 on one day. */
const unsteady = 'ping_window_1_cpu';

/** Ratios by CPU: those by the clock are the machine's as much as ours. */
const isSteady = (name: string) => name.startsWith('micro_') || (name.endsWith('_cpu') && name !== unsteady);

/** What was found each time; more than that is the day's luck, and no loss when it is gone. */
export const lowest = (times: readonly Figures[]): Figures =>
  Object.fromEntries(Object.keys(times[0]!).map((name) => [name, Math.min(...times.map((found) => found[name]!))]));

export function keep(figures: Figures, machine: string): void {
  const steady = Object.fromEntries(Object.entries(figures).filter(([name]) => isSteady(name)));
  const kept: Kept = { date: new Date().toISOString().slice(0, 10), machine, figures: steady };
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
}

/**
 * Those of the kept figures of some benches that are more than a quarter above what was found now, or are missing; says them.
 * @throws Error when nothing was kept.
 */
export function fallen(figures: Figures, of: (name: string) => boolean): string[] {
  if (!existsSync(file)) throw new Error('nothing was kept: npm run bench -- --keep, on a quiet machine');
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Kept;
  const lower = Object.entries(kept.figures).filter(
    ([name, before]) => of(name) && !(figures[name]! >= before * least),
  );
  for (const [name, before] of lower) {
    console.log(
      `  FALLEN ${name}: ${figures[name] ?? 'no figure'}, on ${kept.date} it was ${before} (${kept.machine})`,
    );
  }
  return lower.map(([name]) => name);
}

/** What a bench calls its figures begins with its own name. */
export const isOf =
  (bench: string) =>
  (figure: string): boolean =>
    figure.startsWith(`${bench.replaceAll('-', '_')}_`);
