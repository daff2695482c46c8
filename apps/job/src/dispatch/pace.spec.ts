import { ratesOf } from './pace.js';

const rates = (speed: number, ...counts: number[]) => {
  const nodes = counts.map((connections) => ({ connections }));
  return [...ratesOf(speed, nodes).values()];
};

describe('ratesOf', () => {
  it('divides a speed by the share of the connections', () => {
    expect(rates(1_000, 5_000, 3_000, 2_000)).toEqual([500, 300, 200]);
    expect(rates(1_000, 3_334, 3_333, 3_333)).toEqual([333, 333, 333]);
    expect(rates(90, 7)).toEqual([90]);
  });

  it('gives each node at least 1, and something to one that has just come', () => {
    expect(rates(1, 5_000, 5_000, 5_000)).toEqual([1, 1, 1]);
    expect(rates(1_000, 10_000, 0)).toEqual([1_000, 50]);
  });

  it('divides equally while nobody is known', () => {
    expect(rates(900, 0, 0, 0)).toEqual([300, 300, 300]);
  });
});
