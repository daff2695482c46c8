import { deviceTargets } from './device-targets.js';

describe('deviceTargets', () => {
  it('gives each user one target, with each device once, names in normal form', () => {
    const pairs = [
      { user: 'e\u0301', device: 'phone' },
      { user: 'bob', device: 'tablet' },
      { user: 'é', device: 'watch' },
      { user: 'é', device: 'phone' },
    ];
    expect(deviceTargets(pairs)).toEqual([
      { channel: 'user:é', devices: ['phone', 'watch'] },
      { channel: 'user:bob', devices: ['tablet'] },
    ]);
  });

  it('refuses more devices of one user than a record may hold', () => {
    const devices = (count: number) => Array.from({ length: count }, (_, i) => ({ user: 'u', device: `d${i}` }));
    expect(deviceTargets(devices(100))).toHaveLength(1);
    expect(() => deviceTargets(devices(101))).toThrow(/100 of one user/);
  });
});
