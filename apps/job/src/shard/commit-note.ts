import { MAX_NOTE_BYTES } from '@app/bus';
import { parsePosition, type Position } from '@app/protocol';

/** What a commit leaves to whoever begins there. */
export interface CommitNote {
  /** The epoch, and up to where history must have the shard. */
  retained: Position | undefined;
  /** Nodes that can find in history what was kept from them, and have not been told to look there; `*` = any. */
  behind: Set<string>;
}

export const anyNode = '*';

/** `<position> <node> <node> …` */
export function formatNote(retained: string, behind: ReadonlySet<string>): string {
  const note = [retained, ...behind].join(' ');
  return Buffer.byteLength(note) > MAX_NOTE_BYTES ? `${retained} ${anyNode}` : note;
}

export function readNote(note: string): CommitNote {
  const [retained, ...behind] = note.split(' ');
  return { retained: parsePosition(retained!), behind: new Set(behind) };
}
