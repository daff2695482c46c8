import { RecentIds } from './recent-ids.js';

describe('RecentIds', () => {
  it('knows a repeat by its other offset, and a redo by the same', () => {
    const ids = new RecentIds();
    expect(ids.isRepeat('a', 0, 10)).toBe(false);
    expect(ids.isRepeat('a', 0, 10)).toBe(false);
    expect(ids.isRepeat('a', 0, 11)).toBe(true);
    expect(ids.isRepeat('a', 1, 12)).toBe(false);
  });

  it('forgets the oldest beyond its size', () => {
    const ids = new RecentIds(2);
    for (const [offset, id] of ['a', 'b', 'c'].entries()) ids.isRepeat(id, 0, offset);
    expect(ids.isRepeat('a', 0, 9)).toBe(false);
    expect(ids.isRepeat('c', 0, 9)).toBe(true);
  });

  it('takes what died and was sent again for no repeat, once', () => {
    const ids = new RecentIds();
    ids.isRepeat('a', 0, 10);
    expect(ids.isRepeat('a', 0, 20, 10)).toBe(false);
    expect(ids.isRepeat('a', 0, 20, 10)).toBe(false);
    expect(ids.isRepeat('a', 0, 21, 10)).toBe(true);
    ids.forget('a', 0, 10);
    expect(ids.isRepeat('a', 0, 22)).toBe(true);
    ids.forget('a', 0, 20);
    expect(ids.isRepeat('a', 0, 23)).toBe(false);
  });
});
