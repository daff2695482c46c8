import * as fc from 'fast-check';
import { compileMatch } from './match.js';

const labels = { platform: 'ios', beta: '', version: '1.2' };

describe('match expressions', () => {
  it.each([
    ['platform=ios', true],
    ['platform=web', false],
    ['beta', true],
    ['gamma', false],
    ['!gamma', true],
    ['platform=ios & !beta', false],
    ['platform=web | beta', true],
    ['platform=web | beta & gamma', false], // `&` binds closer than `|`
    ['(platform=web | beta) & version=1.2', true],
    ['!(platform=ios & beta)', false],
    ['!!beta', true],
    [' platform = ios ', true],
    ['beta=x', false],
    ['constructor', false],
  ])('%s is %s', (text, expected) => {
    expect(compileMatch(text)?.(labels)).toBe(expected);
  });

  it('matches nobody without labels but those that ask for none', () => {
    expect(compileMatch('beta')!(null)).toBe(false);
    expect(compileMatch('!beta')!(null)).toBe(true);
  });

  it.each([
    '',
    ' ',
    '!',
    'a &',
    '& a',
    'a b',
    '(a',
    'a)',
    '()',
    'a=',
    '=a',
    'a==b',
    'a=!b',
    'a="b"',
    'a,b',
    'x'.repeat(129),
  ])('refuses %p', (text) => {
    expect(compileMatch(text)).toBeUndefined();
  });

  it('refuses what is too long or too deep', () => {
    expect(compileMatch(Array.from({ length: 600 }, () => 'a').join('|'))).toBeUndefined();
    expect(compileMatch(`${'('.repeat(20)}a${')'.repeat(20)}`)).toBeDefined();
    expect(compileMatch(`${'('.repeat(40)}a${')'.repeat(40)}`)).toBeUndefined();
    expect(compileMatch(`${'!'.repeat(1_000)}a`)).toBeUndefined();
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('!', '&', '|', '(', ')', '=', 'a', 'b', ' ') })),
        (text) => {
          expect(['boolean', 'undefined']).toContain(typeof compileMatch(text)?.({ a: 'b' }));
        },
      ),
    );
  });

  type Expression = { text: string; holds: (given: Record<string, string>) => boolean };

  it('means what it says, however it is nested', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const value = fc.constantFrom('1', '2');
    const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 5 },
        key.map((k): Expression => ({ text: k, holds: (given) => k in given })),
        fc.tuple(key, value).map(([k, v]): Expression => ({ text: `${k}=${v}`, holds: (given) => given[k] === v })),
        tie('expression').map((e): Expression => ({ text: `!(${e.text})`, holds: (given) => !e.holds(given) })),
        fc.tuple(tie('expression'), fc.constantFrom('&', '|'), tie('expression')).map(([l, op, r]): Expression => ({
          text: `(${l.text}) ${op} (${r.text})`,
          holds: (given) => (op === '&' ? l.holds(given) && r.holds(given) : l.holds(given) || r.holds(given)),
        })),
      ),
    }));
    fc.assert(
      fc.property(expression, fc.dictionary(key, value, { noNullPrototype: true }), ({ text, holds }, given) => {
        fc.pre(text.length <= 1_024);
        expect(compileMatch(text)!(given)).toBe(holds(given));
      }),
    );
  });
});
