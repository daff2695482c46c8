import { ManualClock } from '@app/runtime';
import { Cursors } from './cursors.js';

const setup = (secret = 'secret') => {
  const clock = new ManualClock(1.7e12);
  return { clock, cursors: new Cursors(secret, clock) };
};
const refused = /no cursor of this list/;

describe('Cursors', () => {
  it('give back what was written, to any process with the same secret', () => {
    const { cursors } = setup();
    for (const place of ['', 'a', 'зал:1/@', '𠮷野', 'g1~1~2s']) {
      const cursor = cursors.write(['rooms', 'default', 'live:'], place);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(setup().cursors.read(['rooms', 'default', 'live:'], cursor)).toBe(place);
    }
    expect(cursors.read(['rooms'], undefined)).toBeUndefined();
  });

  it('are refused by every other list', () => {
    const { cursors } = setup();
    const cursor = cursors.write(['rooms', 'default', 'live:'], 'live:1');
    for (const list of [
      ['users', 'default', 'live:'],
      ['rooms', 'other', 'live:'],
      ['rooms', 'default', ''],
      ['rooms'],
    ]) {
      expect(() => cursors.read(list, cursor)).toThrow(refused);
    }
    // The list and the place cannot be shifted into one another.
    expect(() => cursors.read(['rooms', 'default'], cursors.write(['rooms', 'default', 'a'], 'b'))).toThrow(refused);
  });

  it('are refused after a day', () => {
    const { clock, cursors } = setup();
    const cursor = cursors.write(['users'], 'ann');
    clock.advance(24 * 3_600_000);
    expect(cursors.read(['users'], cursor)).toBe('ann');
    clock.advance(60_000);
    expect(() => cursors.read(['users'], cursor)).toThrow(refused);
  });

  it('are refused when one bit was changed, and when they are none', () => {
    const { cursors } = setup();
    const cursor = cursors.write(['users'], 'ann');
    const bytes = Buffer.from(cursor, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => cursors.read(['users'], changed.toString('base64url'))).toThrow(refused);
    }
    const others = [
      '',
      'a',
      'ann',
      cursor.slice(1),
      cursor.slice(0, -1),
      `${cursor}=`,
      ` ${cursor}`,
      '%00',
      '🂡',
      '__proto__',
    ];
    for (const other of others) expect(() => cursors.read(['users'], other)).toThrow(refused);
    expect(() => setup('another secret').cursors.read(['users'], cursor)).toThrow(refused);
  });
});
