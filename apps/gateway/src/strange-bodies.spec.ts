import { roomChannel } from '@app/protocol';
import { Refusal, type Body, type Encoding } from '@app/protocol/wires';
import { openRig } from './gateway-rig.contract.js';

const room = roomChannel('r');
const many = Array.from({ length: 1_000 }, (_, i) => `x${i}`);

/** What only a foreign producer, or one of another version, would put on the bus. */
const strange: [what: string, body: Partial<Body>][] = [
  ['a match that is no expression', { match: 'a & & (b' }],
  ['a match of ten thousand brackets', { match: '('.repeat(10_000) }],
  ['a variant whose match is no expression', { variants: [{ match: '|', encoding: 0, payload: new Uint8Array(1) }] }],
  ['an encoding of a later version', { encoding: 99 as Encoding }],
  ['text that is no UTF-8', { encoding: 1, payload: Buffer.of(0xff, 0xfe, 0xed, 0xa0, 0x80) }],
  ['a reserved type', { type: 100 }],
  ['the lowest type', { type: -(2 ** 31) }],
  ['an id that is none', { id: '"\n\u2028' }],
  ['no payload', { encoding: 2, payload: new Uint8Array(0) }],
  ['connections to exclude that are none', { excludeConnections: ['', '~', 'g1~x~y', '\ud800', ...many] }],
  ['users to exclude that have no names', { excludeUsers: ['', '\0', '__proto__', ...many] }],
  ['a time before all times', { expiresAtMs: -1, acceptedAtMs: -1 }],
];

describe('a body that nobody of ours has written', () => {
  it.each(strange)('with %s holds no lane up', async (_, body) => {
    const rig = await openRig();
    const plain = rig.connect({ rooms: ['r'], user: 'ann' });
    const picky = rig.connect({ rooms: ['r'], types: [3] });
    await Promise.all([plain.arrived, picky.arrived]);
    const batch = [
      await rig.append([room], 'before', { type: 3 }),
      await rig.append([room], 'strange', { type: 3, ...body }),
      await rig.append([room, 'connection:none'], 'after', { type: 3 }),
    ];
    expect(await rig.deliver(batch)).toMatchObject({ refused: Refusal.none, taken: 2 });
    for (const { connection } of [plain, picky]) {
      expect(connection.pushed.at(0)).toBe('before');
      expect(connection.pushed.at(-1)).toBe('after');
      expect(connection.closedWith).toBeUndefined();
    }
  });

  it('is counted when it does not decode, and what is around it comes', async () => {
    const rig = await openRig();
    const ann = rig.connect({ rooms: ['r'] });
    await ann.arrived;
    const [before, broken, after] = [
      await rig.append([room], 1, { retain: false }),
      await rig.append([room], 2, { retain: false }),
      await rig.append([room], 3, { retain: false }),
    ];
    await rig.deliver([before, { ...broken, body: Buffer.alloc(9, 0xff) }, after]);
    expect(ann.connection.pushed).toEqual([1, 3]);
    expect(await rig.dropped('fanout', 'undecodable')).toBe(1);
  });
});
