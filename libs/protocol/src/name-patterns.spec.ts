import { NamePatterns } from './name-patterns.js';

describe('NamePatterns', () => {
  it.each([
    [['live:1'], ['live:1'], ['live:10', 'live:', 'alive:1', '']],
    [['live:*'], ['live:', 'live:1', 'live:a/b:c'], ['live', 'xlive:1']],
    [['*'], ['a', 'a:b/c'], []],
    [['*:staff'], ['a:staff', ':staff'], ['a:staff2', 'staff']],
    [['a*b*c'], ['abc', 'aXbYc', 'abbbc', 'abcbc'], ['ab', 'ac', 'acb', 'abcd']],
    [['ab*ba'], ['abba', 'abXba'], ['aba', 'ab']],
    [
      ['a', 'b*'],
      ['a', 'b', 'bc'],
      ['ab', 'c'],
    ],
    [['e\u0301*'], ['éva'], ['eva']],
    [[], [], ['a', '*']],
  ])('%j', (patterns, fitting, others) => {
    const names = NamePatterns.parse(patterns)!;
    expect(fitting.filter((name) => !names.matches(name))).toEqual([]);
    expect(others.filter((name) => names.matches(name))).toEqual([]);
  });

  it.each([[['']], [[1]], [['a b']], [['a,*']], [[null]], [['x'.repeat(129)]]])('has none for %j', (patterns) => {
    expect(NamePatterns.parse(patterns)).toBeUndefined();
  });

  it('is not slowed down by many stars', () => {
    const names = NamePatterns.parse(['a*'.repeat(60) + 'b'])!;
    const begun = process.cpuUsage(); // what others take of the machine is no fault of ours
    for (let i = 0; i < 1_000; i += 1) expect(names.matches('a'.repeat(128))).toBe(false);
    expect(process.cpuUsage(begun).user / 1_000).toBeLessThan(1_000);
  });
});
