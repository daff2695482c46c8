import { MAX_NOTE_BYTES } from '@app/bus';
import { parsePosition, type Position } from '@app/protocol';
import { outcomes, type Counts } from './tally.js';

/** What a commit leaves to whoever begins there. */
export interface CommitNote {
  /** The epoch, and up to where history must have the shard. */
  retained: Position | undefined;
  /** Nodes that can find in history what was kept from them, and have not been told to look there; `*` = any. */
  behind: Set<string>;
  /** The records of the shard below the commit, by what became of them. */
  counts: Counts;
}

export const anyNode = '*';

/** `<position> #<count>/<count>/… <node> <node> …` */
export function formatNote(retained: string, counts: Counts, behind: ReadonlySet<string>): string {
  const head = `${retained} ${mark}${outcomes.map((outcome) => counts[outcome]).join('/')}`;
  const note = [head, ...behind].join(' ');
  return Buffer.byteLength(note) > MAX_NOTE_BYTES ? `${head} ${anyNode}` : note;
}

/** A note of the version before says no counts. */
export function readNote(note: string): CommitNote {
  const [retained, ...words] = note.split(' ');
  const counted =
    words
      .find((word) => word.startsWith(mark))
      ?.slice(mark.length)
      .split('/') ?? [];
  return {
    retained: parsePosition(retained!),
    behind: new Set(words.filter((word) => !word.startsWith(mark))),
    counts: Object.fromEntries(outcomes.map((outcome, i) => [outcome, Number(counted[i] ?? 0)])) as Counts,
  };
}

/** No node's name begins so. */
const mark = '#';
