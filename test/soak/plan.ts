import { Seeded } from '../fuzz/seeded.js';
import type { FaultKind, SoakOptions } from './options.js';

/** A fault that will be: when, to whom, for how long, and how (numbers that the fault reads as it needs). */
export interface PlannedFault {
  /** Milliseconds after the load has begun. */
  atMs: number;
  kind: FaultKind;
  /** Which of those it can happen to: to be taken modulo their number. -1: every gateway in turn. */
  victim: number;
  forMs: number;
  /** Chooses between the ways in which a fault can happen. */
  way: number;
}

type Shape = Pick<SoakOptions, 'minutes' | 'faults' | 'seed' | 'jitter'>;

/** From the start of the load until the first fault, and from the last one until the load ends. */
const calmMs = { before: 5_000, after: 20_000 };

/** For how long each fault lasts, in milliseconds: from, to. */
const lengths: Record<FaultKind, readonly [number, number]> = {
  'kill-gateway': [300, 6_000],
  'kill-job': [300, 6_000],
  'kill-logic': [300, 6_000],
  'stop-gateway': [1_000, 30_000],
  'stop-job': [1_000, 30_000],
  'kill-redis': [300, 6_000],
  'flush-redis': [0, 1],
  'kill-kafka': [300, 4_000],
  'cut-rpc': [500, 12_000],
  'cut-redis': [500, 15_000],
  'cut-kafka': [500, 12_000],
  'slow-net': [2_000, 15_000],
  drain: [0, 1_000],
  'clock-jump': [3_000, 15_000],
  'disk-full': [2_000, 8_000],
};

/**
 * The faults of a run, first one first: every kind comes equally often, in an order of chance, now and then one in the
 * middle of another. The same seed and the same options give the same plan.
 */
export function planFaults({ minutes, faults, seed, jitter }: Shape): PlannedFault[] {
  if (faults.length === 0) return [];
  const random = new Seeded(seed, 'plan');
  const endMs = minutes * 60_000 - Math.min(calmMs.after, minutes * 15_000);
  // The deploy of AnyCable's test comes once, in the middle.
  if (jitter) return faults.map((kind) => ({ ...fault(random, kind, Math.round((minutes * 60_000) / 2)), victim: -1 }));
  // A short run has them closer together, so that every kind fits.
  const squeeze = Math.min(1, minutes / 4);
  const plan: PlannedFault[] = [];
  let bag: FaultKind[] = [];
  let atMs = calmMs.before + random.below(3_000);
  while (atMs < endMs) {
    atMs = Math.round(atMs);
    if (bag.length === 0) bag = shuffled(random, faults);
    const next = fault(random, bag.pop()!, atMs);
    next.forMs = Math.round(Math.min(next.forMs * squeeze, Math.max(500, endMs + calmMs.after / 2 - atMs)));
    plan.push(next);
    const isOnTop = random.chance(25);
    atMs += isOnTop ? random.below(Math.max(1, next.forMs)) : next.forMs + squeeze * (3_000 + random.below(9_000));
  }
  return plan;
}

function fault(random: Seeded, kind: FaultKind, atMs: number): PlannedFault {
  const [from, to] = lengths[kind];
  // Short ones more often than long ones: most that goes wrong goes wrong at an edge.
  const share = (random.below(1_000) / 1_000) ** 2;
  return {
    atMs,
    kind,
    victim: random.below(1_000),
    forMs: Math.round(from + share * (to - from)),
    way: random.below(1_000),
  };
}

function shuffled<T>(random: Seeded, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0]!);
}

export const describeFault = ({ atMs, kind, victim, forMs, way }: PlannedFault): string =>
  `${(atMs / 1000).toFixed(1).padStart(7)} s  ${kind.padEnd(13)} victim ${victim}, for ${(forMs / 1000).toFixed(1)} s, way ${way}`;
