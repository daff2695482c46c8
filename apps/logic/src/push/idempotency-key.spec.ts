import { isMessageId } from '@app/protocol';
import { keyOfHeader, keyOfItem, keyOfPlace, messageIdOfKey } from './idempotency-key.js';

const code = (value: string) => expect.objectContaining({ code: value });

describe('an Idempotency-Key', () => {
  it.each([
    ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['order:7/sent;x=1,2', 'order:7/sent;x=1,2'],
    ['"with space"', 'with space'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"k";v=1', 'k'],
    ['a"b', 'a"b'],
    ['~', '~'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('%s is %s', (header, key) => {
    expect(keyOfHeader(header)).toBe(key);
  });

  it.each([
    '', '""', '"', '"a', 'a b', '"a"b', '"a", "b"', 'a, b', 'é', '"é"', '\u0000', 'a\tb', '"a\\b"', '"a"b"', 'x'.repeat(256), `"${'x'.repeat(256)}"`,
  ])('%j is none', (header) => {
    expect(() => keyOfHeader(header)).toThrow(code('bad_name'));
  }); // prettier-ignore

  it('may be missing, and does not come twice', () => {
    expect(keyOfHeader(undefined)).toBeUndefined();
    expect(() => keyOfHeader(['"a"', '"b"'])).toThrow(code('bad_name'));
  });

  it('is a plain string in a batch', () => {
    expect(keyOfItem('a "b"')).toBe('a "b"');
    expect(keyOfItem(undefined)).toBeUndefined();
    for (const value of ['', 'é', 'a\nb', 'x'.repeat(256)]) expect(() => keyOfItem(value)).toThrow(code('bad_name'));
    for (const value of [null, 1, {}, ['k']]) expect(() => keyOfItem(value)).toThrow(code('invalid_body'));
  });

  it('makes the id of the message, for one app and one key only', () => {
    const keys = ['k', 'k2', keyOfPlace('k', 0), keyOfPlace('k', 1)];
    const ids = ['shop', 'default'].flatMap((app) => keys.map((key) => messageIdOfKey(app, key)));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every(isMessageId)).toBe(true);
    expect(messageIdOfKey('shop', 'k')).toBe(messageIdOfKey('shop', 'k'));
    // Processes of different versions agree on it.
    expect(messageIdOfKey('default', 'order-7-sent')).toMatchInlineSnapshot(`"27ZG033TG9S8P5BPJSHA1A3RZK"`);
  });
});
