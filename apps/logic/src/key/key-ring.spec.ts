import { ManualClock } from '@app/runtime';
import { digestOf, hashedKey, keysOfList } from './api-key.js';
import { KeyRing } from './key-ring.js';

const hashed = (key: string, fields = '') => hashedKey(`sha256:${digestOf(key).toString('hex')} ${fields}`);

describe('KeyRing', () => {
  const clock = new ManualClock(Date.UTC(2027, 0, 1));

  it('knows plain and hashed keys', () => {
    const ring = new KeyRing(keysOfList(['first', 'second']), true, clock);
    ring.replace([hashed('third', 'name=c')]);
    expect(['first', 'second', 'third'].map((key) => ring.find(key))).toMatchObject([
      { name: 'plain-1' },
      { name: 'plain-2' },
      { name: 'c' },
    ]);
  });

  it.each(['', 'firs', 'first ', 'third', 'first,second', digestOf('first').toString('hex')])(
    'does not know %j',
    (key) => expect(new KeyRing(keysOfList(['first', 'second']), false, clock).find(key)).toBe('unknown'),
  );

  it('knows a key until it expires', () => {
    const ring = new KeyRing([hashed('k', 'expires=2027-01-01T00:00:01Z')], false, clock);
    clock.advance(999);
    expect(ring.find('k')).toMatchObject({ app: undefined });
    clock.advance(1);
    expect(ring.find('k')).toBe('expired');
  });

  it('stays locked when every key was taken away, and is open where there never was a lock', () => {
    const ring = new KeyRing([], true, clock);
    ring.replace([hashed('k')]);
    ring.replace([]);
    expect([ring.isLocked, ring.find('k')]).toEqual([true, 'unknown']);
    expect(new KeyRing([], false, clock).isLocked).toBe(false);
  });
});
