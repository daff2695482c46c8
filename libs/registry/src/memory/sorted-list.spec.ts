import { SortedList, byCodePoints } from './sorted-list.js';

describe('SortedList', () => {
  it('is what a sorted array would be, through thousands of changes', () => {
    const list = new SortedList<number>((a, b) => a - b);
    const model = new Set<number>();
    for (let step = 0, x = 1; step < 20_000; step += 1) {
      x = (x * 48_271) % 2_147_483_647; // a fixed sequence that looks random
      const item = x % 5_000;
      if (model.has(item)) {
        model.delete(item);
        list.delete(item);
      } else {
        model.add(item);
        list.add(item);
      }
    }
    const sorted = [...model].sort((a, b) => a - b);
    expect(list.from(-1, 10_000)).toEqual(sorted);
    for (const start of [0, 1, 2_500, 4_999, 6_000]) {
      expect(list.from(start, 50)).toEqual(sorted.filter((item) => item >= start).slice(0, 50));
    }
    list.delete(6_000);
    for (const item of sorted) list.delete(item);
    expect(list.from(-1, 10)).toEqual([]);
    list.add(3);
    expect(list.from(-1, 10)).toEqual([3]);
  });

  it('orders texts as their bytes', () => {
    const texts = ['', 'a', 'ab', 'b', 'é', '体', '\ue000', 'ﬀ', '𠮷', '𠮷a', '😀'];
    const byBytes = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(texts.toReversed().sort(byCodePoints)).toEqual(byBytes);
  });
});
