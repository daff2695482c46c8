/** Blocks are split at this size: moving one's items costs about a microsecond. */
const maxBlock = 1_024;

/** Items in order, in blocks, so that one more among a million moves a block and not the list. No item comes twice. */
export class SortedList<T> {
  private readonly blocks: T[][] = [[]];

  constructor(private readonly compare: (a: T, b: T) => number) {}

  /** Must not be there already. */
  add(item: T): void {
    const b = this.blockOf(item);
    const block = this.blocks[b]!;
    block.splice(this.placeIn(block, item), 0, item);
    if (block.length > maxBlock) this.blocks.splice(b + 1, 0, block.splice(maxBlock / 2));
  }

  delete(item: T): void {
    const b = this.blockOf(item);
    const block = this.blocks[b]!;
    const place = this.placeIn(block, item);
    if (place === block.length || this.compare(block[place]!, item) !== 0) return;
    block.splice(place, 1);
    if (block.length === 0 && this.blocks.length > 1) this.blocks.splice(b, 1);
  }

  /** At most `limit` items from `start` on, which need not be there itself. */
  from(start: T, limit: number): T[] {
    const items: T[] = [];
    let b = this.blockOf(start);
    let place = this.placeIn(this.blocks[b]!, start);
    for (; b < this.blocks.length && items.length < limit; b += 1, place = 0) {
      items.push(...this.blocks[b]!.slice(place, place + limit - items.length));
    }
    return items;
  }

  /** The first block that ends at or after the item, or the last one. */
  private blockOf(item: T): number {
    let [low, high] = [0, this.blocks.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(this.blocks[middle]!.at(-1)!, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of the first item that is not before `item`. */
  private placeIn(block: readonly T[], item: T): number {
    let [low, high] = [0, block.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(block[middle]!, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** By code points, which is how the bytes of UTF-8 compare; `<` compares UTF-16. */
export function byCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return fixed(x) - fixed(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for what comes after U+FFFF. */
const fixed = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2800 : unit);
