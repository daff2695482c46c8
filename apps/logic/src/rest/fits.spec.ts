import { validate } from 'class-validator';
import * as fc from 'fast-check';
import { Exclude, Variant } from '../push/message.dto.js';
import { pushRoutes } from '../push/targets.js';
import { fits } from './fits.js';

const right = {
  all: { text: 'x' },
  rooms: { text: 'x', rooms: ['a'] },
  users: { text: 'x', users: ['u'] },
  devices: { text: 'x', targets: [{ user: 'u', device: 'd' }] },
  connections: { text: 'x', connections: ['g1~1~2s'] },
  labels: { text: 'x', match: 'a=b' },
};

const exclude = (fields: object) => Object.assign(new Exclude(), fields);
const variant = (fields: object) => Object.assign(new Variant(), fields);

/** Of each field some values, right or wrong. */
const values: Record<string, unknown[]> = {
  rooms: [['a', 'live:1'], ['a b'], [], [1], 'a'],
  users: [['u', 'v'], [''], {}],
  connections: [['g1~1~2s'], [null]],
  targets: [[{ user: 'u', device: 'd' }], [{ user: 'u' }], [{ user: 'a b', device: 'd' }]],
  type: [3, 150, 1.5],
  text: ['', 1, undefined],
  data: [{ a: 1 }, null, undefined],
  base64: ['AAAA', '?'],
  ttlMs: [1, 0, 1e15],
  match: ['a=b', '&', 1],
  speed: [0, -1],
  retain: [false, 0],
  dryRun: [true, null],
  device: ['phone', 'a b'],
  exclude: [exclude({ users: ['u'] }), exclude({ users: [] }), exclude({}), {}, null, [], [exclude({})], 1],
  variants: [
    [variant({ match: 'a=b', text: 'y' })],
    [variant({ match: '&', text: 'y' }), variant({ match: 'a=b', text: 'y' })],
    [variant({ match: 'a=b' })],
    [null],
    [],
    variant({ match: 'a=b', text: 'y' }),
  ],
  ack: [true, null, undefined],
};
const change = fc
  .constantFrom(...Object.keys(values))
  .chain((name) => fc.constantFrom(...values[name]!).map((value) => [name, value] as const));
const changes = fc.array(change, { maxLength: 3 }).map((some) => Object.fromEntries(some));

describe('fits', () => {
  it.each(Object.entries(right))('says of a push to %s what class-validator says', async (kind, fields) => {
    const { body } = pushRoutes[kind as keyof typeof right];
    const verdicts = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(changes, async (changed) => {
        const dto = Object.assign(new body(), fields, changed);
        const isRight = (await validate(dto)).length === 0;
        verdicts.add(isRight);
        expect(fits(dto)).toBe(isRight);
      }),
      { numRuns: 500 },
    );
    expect(verdicts.size).toBe(2);
  });

  it('is not sure of what has no rules, and of lists in lists', () => {
    expect(fits(Object.assign(new pushRoutes.all.body(), { text: 'x', variants: [[]] }))).toBe(false);
    expect(fits(new (class Bare {})())).toBe(false);
  });
});
