import type { FaultMark } from './journal.js';

/** What a fault may still do to others after it is over: sessions time out, groups rebalance, lanes wait. */
const aftermathMs = 30_000;

/** Times in which nothing was wrong. */
export interface Calm {
  holds(fromMs: number, toMs: number): boolean;
}

export function calmness(faults: readonly FaultMark[]): Calm {
  return {
    holds: (fromMs, toMs) => faults.every((fault) => fault.fromMs > toMs || fault.toMs + aftermathMs < fromMs),
  };
}
