import * as fc from 'fast-check';
import { CloseCode, mayReconnect } from './close-code.js';
import {
  encodeError,
  encodeMinimalPush,
  encodePush,
  encodeReply,
  isReservedType,
  parseClientPacket,
} from './packet.js';

describe('packets', () => {
  it.each([
    '',
    'x',
    'null',
    '[]',
    '7',
    '{}',
    '{"type":"1"}',
    '{"type":1.5}',
    '{"type":4294967296}',
    '{"type":1,"ref":7}',
    `{"type":1,"ref":"${'r'.repeat(129)}"}`,
  ])('refuse %j', (text) => {
    expect(parseClientPacket(text)).toBeUndefined();
  });

  it('read type, data and ref, and nothing else', () => {
    expect(parseClientPacket('{"type":101,"data":{"room":"r"},"ref":"a","x":1}')).toEqual({
      type: 101,
      data: { room: 'r' },
      ref: 'a',
    });
  });

  it('never throw on garbage', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseClientPacket(text)).not.toThrow();
      }),
    );
  });

  it('are written with positions last', () => {
    const envelope = { type: 3, id: '01JD0000000000000000000000', channel: 'room:live:1000', offset: 17 };
    expect(encodePush(envelope, '{"a":1}')).toBe(
      '{"type":3,"data":{"a":1},"id":"01JD0000000000000000000000","channel":"room:live:1000","offset":17}',
    );
    expect(encodePush({ ...envelope, channel: undefined }, '"aGk="', 'base64')).toBe(
      '{"type":3,"data":"aGk=","encoding":"base64","id":"01JD0000000000000000000000","offset":17}',
    );
    expect(encodeMinimalPush(0, '"hi"')).toBe('{"type":0,"data":"hi"}');
  });

  it('are valid JSON whatever the channel is called', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (channel, data) => {
        const frame = encodePush({ type: 2, id: 'I', channel, offset: 0 }, JSON.stringify(data));
        expect(JSON.parse(frame)).toEqual({
          type: 2,
          data: JSON.parse(JSON.stringify(data)) as unknown,
          id: 'I',
          channel,
          offset: 0,
        });
      }),
    );
  });

  it('answer by ref; an error without one stands alone', () => {
    expect(encodeReply('a1', { ok: true })).toBe('{"type":110,"data":{"ok":true},"ref":"a1"}');
    expect(encodeError({ code: 'malformed', message: 'no' })).toBe(
      '{"type":110,"error":{"code":"malformed","message":"no"}}',
    );
  });

  it('reserve 1 and 100 to 199', () => {
    expect([0, 1, 2, 99, 100, 199, 200, -1].filter(isReservedType)).toEqual([1, 100, 199]);
  });
});

describe('close codes', () => {
  it('say whether to come back; unknown ones do', () => {
    expect([4401, 4413, 1006, 1012, 4999].map(mayReconnect)).toEqual([false, true, true, true, true]);
  });

  it('fit a close frame: 123 bytes of reason', () => {
    for (const { reason } of Object.values(CloseCode)) expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
  });
});
