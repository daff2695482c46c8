import { Watermark } from './watermark.js';

describe('Watermark', () => {
  const commits: number[] = [];
  let watermark: Watermark;
  beforeEach(() => {
    commits.length = 0;
    watermark = new Watermark((offset) => commits.push(offset));
  });

  it('commits nothing before the acknowledgement', () => {
    const ten = watermark.expect(10, 1);
    watermark.read(10);
    expect(commits).toEqual([10]);
    watermark.acknowledged([ten]);
    expect(commits).toEqual([10, 11]);
  });

  it('waits for every lane of a record', () => {
    const record = watermark.expect(4, 3);
    watermark.read(4);
    watermark.acknowledged([record]);
    watermark.acknowledged([record]);
    expect(commits).toEqual([4]);
    watermark.acknowledged([record]);
    expect(commits).toEqual([4, 5]);
  });

  it('stays at the lowest that is not acknowledged, whatever comes back first', () => {
    const [one, five, nine] = [watermark.expect(1, 1), watermark.expect(5, 1), watermark.expect(9, 1)];
    watermark.read(9);
    watermark.acknowledged([nine]);
    watermark.acknowledged([five]);
    expect(commits).toEqual([1]);
    watermark.acknowledged([one]);
    expect(commits).toEqual([1, 10]);
  });

  it('passes what nobody is routed to', () => {
    watermark.read(7);
    expect(commits).toEqual([8]);
    const waiting = watermark.expect(9, 1);
    watermark.read(12);
    expect(commits).toEqual([8, 9]);
    watermark.acknowledged([waiting]);
    expect(commits).toEqual([8, 9, 13]);
  });

  it('never goes back', () => {
    watermark.read(7);
    watermark.read(3);
    expect(commits).toEqual([8]);
  });

  it('tells when nothing is pending, also after thousands', async () => {
    const all = Array.from({ length: 5_000 }, (_, offset) => watermark.expect(offset, 1));
    watermark.read(4_999);
    let drained = false;
    const whenDrained = watermark.whenDrained().then(() => (drained = true));
    watermark.acknowledged(all.slice(0, -1));
    await Promise.resolve();
    expect(drained).toBe(false);
    expect(watermark.pending).toBe(1);
    watermark.acknowledged(all.slice(-1));
    await whenDrained;
    expect(commits.at(-1)).toBe(5_000);
  });
});
