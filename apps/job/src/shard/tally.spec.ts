import { noCounts, Tally } from './tally.js';

const at = (...offsets: number[]) => offsets.map((offset) => ({ offset }));

describe('a tally', () => {
  it('counts each record once, when it is committed', () => {
    const tally = new Tally(noCounts);
    tally.read(at(1, 2, 5));
    tally.mark(2, 'dead');
    expect(tally.settle(2)).toEqual({ ...noCounts, consumed: 1 });
    tally.settle(6);
    expect(tally.settle(6)).toEqual({ ...noCounts, consumed: 2, dead: 1 });
  });

  it('goes on from what the last commit said', () => {
    const tally = new Tally({ consumed: 40, dead: 1, expired: 2, duplicate: 3 });
    tally.read(at(50, 51));
    tally.mark(51, 'expired');
    expect(tally.settle(52)).toEqual({ consumed: 41, dead: 1, expired: 3, duplicate: 3 });
  });

  it('knows a record that is read again', () => {
    const tally = new Tally(noCounts);
    tally.read(at(1, 2));
    tally.mark(1, 'duplicate');
    tally.read(at(1, 2, 3));
    tally.mark(1, 'duplicate');
    expect(tally.settle(4)).toEqual({ ...noCounts, duplicate: 1, consumed: 2 });
  });

  it('keeps nothing of what is settled, however much that is', () => {
    const tally = new Tally(noCounts);
    for (let offset = 0; offset < 10_000; offset += 1) {
      tally.read(at(offset));
      if (offset % 10 === 0) tally.mark(offset, 'expired');
      tally.settle(offset);
    }
    expect(tally.settle(10_000)).toEqual({ ...noCounts, consumed: 9_000, expired: 1_000 });
    expect(tally.size).toBeLessThan(2_100);
  });
});
