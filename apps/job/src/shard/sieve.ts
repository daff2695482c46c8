import { Injectable } from '@nestjs/common';
import { DeadLetters } from '../dispatch/dead-letter.js';
import { mayBeItsOwn } from './blame.js';
import type { ReadRecord } from './reader.js';
import type { ShardRun } from './shard-run.js';

/** A step of records' way that stands on a store. */
export interface Step<T> {
  /** For the log: which store. */
  what: string;
  /** An answer for each record, in order. Doing it again for the same records must change nothing. */
  take(records: readonly ReadRecord[]): Promise<readonly T[]>;
  /** Resolves when the store takes what is not of these records now; rejects with why it does not. */
  witness(): Promise<unknown>;
}

/** The records that a step took, each with its answer. */
export interface Sifted<T> {
  records: readonly ReadRecord[];
  answers: readonly T[];
}

/** How often a record alone must fail before anybody is asked whether the store is well. */
const tries = 3;

/**
 * Takes records through a step and leaves out those that can never pass it: a record is dead when it fails alone, again
 * and again, for a reason that may be its own, and once more right after the store has taken something else. Everything
 * else is an outage, which stops the shard until it is over.
 */
@Injectable()
export class Sieve {
  constructor(private readonly dead: DeadLetters) {}

  /** @throws when the run is over. */
  async pass<T>(run: ShardRun, records: readonly ReadRecord[], step: Step<T>): Promise<Sifted<T>> {
    if (records.length === 0) return { records: [], answers: [] };
    const outcome = await run.insist(step.what, this.attempt(records, step));
    if ('answers' in outcome) return { records, answers: outcome.answers };
    if (records.length === 1) {
      await this.bury(run, records[0]!, outcome.error);
      return { records: [], answers: [] };
    }
    // One after the other, so that the good ones stay in order.
    const half = records.length >> 1;
    const before = await this.pass(run, records.slice(0, half), step);
    const after = await this.pass(run, records.slice(half), step);
    return { records: [...before.records, ...after.records], answers: [...before.answers, ...after.answers] };
  }

  /** A record dies, and may come again as if it had never been here. */
  async bury(run: ShardRun, { id, part, offset, entry }: ReadRecord, error: unknown): Promise<void> {
    await this.dead.put(run, { reason: 'failing', error, entry, messageId: id });
    run.tally.mark(offset, 'dead');
    run.recentIds.forget(id, part, offset);
  }

  private attempt<T>(
    records: readonly ReadRecord[],
    step: Step<T>,
  ): () => Promise<{ answers: readonly T[] } | { error: unknown }> {
    let failures = 0;
    const once = async () => {
      try {
        return { answers: await step.take(records) };
      } catch (error) {
        if (mayBeItsOwn(error)) return { error };
        failures = 0;
        throw error;
      }
    };
    return async () => {
      const outcome = await once();
      if ('answers' in outcome || records.length > 1) return outcome;
      failures += 1;
      if (failures < tries) throw outcome.error;
      failures = 0;
      await step.witness();
      return once();
    };
  }
}
