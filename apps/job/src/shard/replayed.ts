import type { Kept } from '@app/history';
import type { ReadRecord } from './reader.js';
import type { Sifted } from './sieve.js';

/**
 * A record that died in one of its channels may stand in the history of its others, which makes its replay a duplicate as
 * a whole. Each channel is asked for itself: those that hold it are done with it, the rest get it now.
 */
export async function replayed(
  records: readonly ReadRecord[],
  answers: Kept,
  append: (records: readonly ReadRecord[]) => Promise<Kept>,
): Promise<Sifted<Kept[number]>> {
  const out: { records: ReadRecord[]; answers: Kept[number][] } = { records: [], answers: [] };
  for (const [i, record] of records.entries()) {
    const isPart = answers[i] === 'duplicate' && record.entry.replayOf !== undefined && record.targets.length > 1;
    const each = isPart ? await append(record.targets.map((target) => only(record, [target]))) : [];
    const fresh = each.flatMap((kept, place) => (kept === 'duplicate' ? [] : [{ prev: kept[0]!, place }]));
    const isFresh = fresh.length > 0;
    out.records.push(
      isFresh
        ? only(
            record,
            fresh.map(({ place }) => record.targets[place]!),
          )
        : record,
    );
    out.answers.push(isFresh ? fresh.map(({ prev }) => prev) : answers[i]!);
  }
  return out;
}

/** The record with some of its targets; a decoded one has its defaults from its prototype. */
const only = (record: ReadRecord, targets: ReadRecord['targets']): ReadRecord =>
  Object.assign(Object.create(record) as ReadRecord, { targets });
