import { digestOf, hashedKey, keysOfFile, keysOfList } from './api-key.js';

const hex = digestOf('a key').toString('hex');
const other = digestOf('another').toString('hex');

describe('a hashed key', () => {
  it('may do everything for every app unless it says otherwise', () => {
    expect(hashedKey(`sha256:${hex}`)).toEqual({
      id: hex.slice(0, 8),
      name: hex.slice(0, 8),
      scopes: new Set(['push', 'manage', 'read']),
      app: undefined,
      expiresAtMs: Infinity,
      digest: digestOf('a key'),
    });
  });

  it('says what it may do, for whom, until when', () => {
    const line = `  SHA256:${hex} scopes=push+read app=shop name=web.1 expires=2027-01-31T00:00:00Z\r`.replace(
      'SHA',
      'sha',
    );
    expect(hashedKey(line)).toMatchObject({
      name: 'web.1',
      scopes: new Set(['push', 'read']),
      app: 'shop',
      expiresAtMs: Date.UTC(2027, 0, 31),
    });
  });

  it.each([
    ['sha256:', /64 hexadecimal/],
    [`sha256:${hex.slice(1)}`, /64 hexadecimal/],
    [`sha256:${hex}0`, /64 hexadecimal/],
    [`sha256:${hex} scopes=`, /scopes=/],
    [`sha256:${hex} scopes=push+all`, /scopes=/],
    [`sha256:${hex} app=a/b`, /app=/],
    [`sha256:${hex} app=`, /app=/],
    [`sha256:${hex} name=${'x'.repeat(65)}`, /name=/],
    [`sha256:${hex} expires=tomorrow`, /expires=/],
    [`sha256:${hex} expires=12`, /expires=/],
    [`sha256:${hex} scope=push`, /no others/],
    [`sha256:${hex} __proto__=push`, /no others/],
    [`sha256:${hex} app=shop app=cinema`, /twice/],
  ])('is refused as %s', (line, why) => {
    expect(() => hashedKey(line)).toThrow(why);
    expect(() => hashedKey(line)).not.toThrow(hex.slice(0, 10));
  });
});

describe('keys of the settings', () => {
  it('are plain or hashed; nothing of a plain one is in its id', () => {
    const keys = keysOfList(['letmein', `sha256:${hex} name=web scopes=read`]);
    expect(keys.map(({ id, name }) => [id, name])).toEqual([
      ['plain-1', 'plain-1'],
      [hex.slice(0, 8), 'web'],
    ]);
  });

  it('are named by place when they are wrong', () => {
    expect(() => keysOfList(['k', 'sha256:nonsense'])).toThrow('entry 2 must begin with sha256:');
  });
});

describe('a file of keys', () => {
  it('has a key a line, and comments', () => {
    expect(keysOfFile(`# ours\n\nsha256:${hex} name=a\n  # theirs\nsha256:${other} name=b\n`)).toMatchObject([
      { name: 'a' },
      { name: 'b' },
    ]);
    expect(keysOfFile('# none')).toEqual([]);
  });

  it.each([
    ['', /empty/],
    [`sha256:${hex}\nsecret\n`, /^line 2 must begin with sha256/],
    [`sha256:${hex}\n\nsha256:${hex} app=shop\n`, /^line 3 is the key of line 1 again/],
  ])('is refused as %j', (text, why) => expect(() => keysOfFile(text)).toThrow(why));
});
