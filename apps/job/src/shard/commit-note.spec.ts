import { MAX_NOTE_BYTES } from '@app/bus';
import { anyNode, formatNote, readNote } from './commit-note.js';
import { noCounts } from './tally.js';

const counts = { consumed: 1_234_567, dead: 1, expired: 20, duplicate: 300 };

describe('a commit note', () => {
  it('goes there and back', () => {
    const retained = { epoch: 'e-1', offset: 7 };
    expect(readNote(formatNote('e-1:7', counts, new Set()))).toEqual({ retained, counts, behind: new Set() });
    const behind = new Set(['g1~1', 'g:2~z']);
    expect(readNote(formatNote('e-1:7', counts, behind))).toEqual({ retained, counts, behind });
  });

  it('says nothing where there was none', () => {
    expect(readNote('')).toEqual({ retained: undefined, counts: noCounts, behind: new Set() });
  });

  it('is read when it is of the version before, which counted nothing', () => {
    const retained = { epoch: 'e-1', offset: 7 };
    expect(readNote('e-1:7 g1~1')).toEqual({ retained, counts: noCounts, behind: new Set(['g1~1']) });
  });

  it('means any node when it cannot name them all', () => {
    const behind = new Set(Array.from({ length: 200 }, (_, n) => `gateway-${n}~1`));
    const note = formatNote('e-1:7', counts, behind);
    expect(note.length).toBeLessThan(MAX_NOTE_BYTES);
    expect(readNote(note)).toMatchObject({ behind: new Set([anyNode]), counts });
  });
});
