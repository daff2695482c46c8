import { nextBatch, sizeOf } from './batcher.js';

const waiting = (...sizes: number[]) => sizes.map((bytes, n) => ({ n, bytes }));

describe('nextBatch', () => {
  it('takes what is there, in order', () => {
    expect(nextBatch(waiting(1, 2, 3))).toEqual(waiting(1, 2, 3));
    expect(nextBatch([])).toEqual([]);
  });

  it('stops at the number of deliveries', () => {
    expect(nextBatch(waiting(...Array<number>(1_000).fill(1)))).toHaveLength(512);
  });

  it('stops before the bytes are too many', () => {
    expect(nextBatch(waiting(40, 40, 40), { deliveries: 9, bytes: 100 })).toEqual(waiting(40, 40));
  });

  it('takes one alone that is larger than a batch', () => {
    expect(nextBatch(waiting(400, 1), { deliveries: 9, bytes: 100 })).toEqual(waiting(400));
  });
});

describe('sizeOf', () => {
  it('counts the body and the names of the steps', () => {
    const step = { channel: 'room:a', devices: ['phone'], prev: 3 };
    const small = sizeOf({ offset: 1, app: 'default', rate: 0, body: Buffer.alloc(10), steps: [step] });
    const large = sizeOf({ offset: 1, app: 'default', rate: 0, body: Buffer.alloc(110), steps: [step, step] });
    expect(large - small).toBeGreaterThan(100);
  });
});
