import { faultKinds, readOptions } from './options.js';
import { planFaults } from './plan.js';

describe('the plan of faults', () => {
  const shape = { minutes: 30, faults: [...faultKinds], seed: '7', jitter: false };

  it('is the same for the same seed, and another for another', () => {
    expect(planFaults(shape)).toEqual(planFaults(shape));
    expect(planFaults({ ...shape, seed: '8' })).not.toEqual(planFaults(shape));
  });

  it('has every fault, equally often, and leaves the end in peace', () => {
    const plan = planFaults(shape);
    const counts = faultKinds.map((kind) => plan.filter((planned) => planned.kind === kind).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.min(...counts)).toBeGreaterThan(3);
    for (const { atMs, forMs } of plan) expect(atMs + forMs).toBeLessThanOrEqual(30 * 60_000);
  });

  it('deploys all gateways once in the middle of the jitter', () => {
    expect(planFaults({ ...shape, jitter: true, faults: [] })).toEqual([]);
    expect(planFaults({ ...shape, jitter: true, faults: ['drain'] })).toMatchObject([{ atMs: 900_000, victim: -1 }]);
  });
});

describe('the command line', () => {
  it('has defaults, and says what is wrong', () => {
    expect(readOptions(['--help'])).toBe('help');
    expect(readOptions([])).toMatchObject({
      minutes: 3,
      gateways: 2,
      bus: 'kafka',
      faults: [...faultKinds],
      jitter: false,
    });
    expect(readOptions(['--faults', 'jitter,drain'])).toMatchObject({ faults: ['drain'], jitter: true });
    expect(readOptions(['--bus', 'embedded'])).toMatchObject({ gateways: 1, jobs: 1, logics: 1 });
    expect(() => readOptions(['--faults', 'flood'])).toThrow('"flood" is none');
    expect(() => readOptions(['--clients', '1.5'])).toThrow('whole number');
  });
});
