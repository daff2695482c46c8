import { pongText } from '@app/protocol';
import { textFrame } from './frame.js';

/** RFC 6455 §5.2: FIN and opcode, mask bit (0: a server) and length, longer lengths, payload. */
const head = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('a text frame', () => {
  it('is the PONG that every client gets', () => {
    const frame = [
      '81', // FIN, text
      '18', // not masked, 24 bytes
      '7b 22 74 79 70 65 22 3a 31 2c', // {"type":1,
      '22 64 61 74 61 22 3a', // "data":
      '22 50 4f 4e 47 22 7d', // "PONG"}
    ];
    expect(textFrame(pongText).toString('hex')).toBe(head(frame.join('')).toString('hex'));
  });

  it.each([
    [0, '81 00', 2],
    [1, '81 01', 2],
    [125, '81 7d', 2],
    [126, '81 7e 00 7e', 4],
    [65_535, '81 7e ff ff', 4],
    [65_536, '81 7f 00 00 00 00 00 01 00 00', 10],
    [70_000, '81 7f 00 00 00 00 00 01 11 70', 10],
  ])('of %i bytes begins with %s', (length, header, headerBytes) => {
    const frame = textFrame('a'.repeat(length));
    expect(frame.subarray(0, headerBytes)).toEqual(head(header));
    expect(frame.subarray(headerBytes).toString()).toBe('a'.repeat(length));
  });

  it('counts bytes of UTF-8, not characters', () => {
    const text = '€'.repeat(42);
    const frame = textFrame(text);
    expect(frame.subarray(0, 4)).toEqual(head('81 7e 00 7e'));
    expect(frame.subarray(4).toString()).toBe(text);
  });
});
