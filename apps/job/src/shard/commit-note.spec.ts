import { MAX_NOTE_BYTES } from '@app/bus';
import { anyNode, formatNote, readNote } from './commit-note.js';

describe('a commit note', () => {
  it('goes there and back', () => {
    const retained = { epoch: 'e-1', offset: 7 };
    expect(readNote(formatNote('e-1:7', new Set()))).toEqual({ retained, behind: new Set() });
    const behind = new Set(['g1~1', 'g:2~z']);
    expect(readNote(formatNote('e-1:7', behind))).toEqual({ retained, behind });
  });

  it('says nothing where there was none', () => {
    expect(readNote('')).toEqual({ retained: undefined, behind: new Set() });
  });

  it('means any node when it cannot name them all', () => {
    const behind = new Set(Array.from({ length: 200 }, (_, n) => `gateway-${n}~1`));
    const note = formatNote('e-1:7', behind);
    expect(note.length).toBeLessThan(MAX_NOTE_BYTES);
    expect(readNote(note).behind).toEqual(new Set([anyNode]));
  });
});
