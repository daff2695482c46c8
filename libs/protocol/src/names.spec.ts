import * as fc from 'fast-check';
import { channelKey, isAppId, parseChannel } from './channel.js';
import { formatConnectionId, parseConnectionId } from './connection-id.js';
import { parseLabels } from './labels.js';
import { isMessageId, messageIdOfHash, newMessageId } from './message-id.js';
import { normalName } from './name.js';

describe('names', () => {
  it('take letters and digits of any script, in normal form', () => {
    expect(normalName('live:1000')).toBe('live:1000');
    expect(normalName('体育')).toBe('体育');
    expect(normalName('e\u0301')).toBe('é');
  });

  it.each([undefined, 7, '', 'a b', 'a,b', 'a~b', 'a\n', 'x'.repeat(129), '体'.repeat(43), '\ud800'])(
    'refuse %j',
    (name) => {
      expect(normalName(name)).toBeUndefined();
    },
  );
});

describe('channels', () => {
  it('split at the first colon', () => {
    expect(parseChannel('all')).toEqual({ kind: 'all', name: '' });
    expect(parseChannel('room:a:b')).toEqual({ kind: 'room', name: 'a:b' });
    for (const wrong of ['', 'room:', 'x:y', 'allx', ':a']) expect(parseChannel(wrong)).toBeUndefined();
  });

  it('carry the app before them, which holds no slash', () => {
    expect(channelKey('default', 'user:u1')).toBe('default/user:u1');
    expect(isAppId('a/b')).toBe(false);
    expect(isAppId('my-App_1')).toBe(true);
  });
});

describe('connection ids', () => {
  it('go there and back', () => {
    const id = { node: 'gw-1', incarnation: 12, serial: 2 ** 40 + 5 };
    expect(parseConnectionId(formatConnectionId(id))).toEqual(id);
  });

  it('are none when a part is missing', () => {
    for (const wrong of ['', 'a', 'a~1', 'a~1~', '~1~1', 'a~1~1~1', 'a~A~1'])
      expect(parseConnectionId(wrong)).toBeUndefined();
  });
});

describe('message ids', () => {
  it('are 26 Crockford characters that rise, also within a millisecond', () => {
    const ids = [newMessageId(5), newMessageId(5), newMessageId(5), newMessageId(6)];
    expect(ids.every(isMessageId)).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(4);
  });

  it('never go back when the clock does', () => {
    expect(newMessageId(2e12).slice(0, 10)).toBe(newMessageId(0).slice(0, 10));
  });

  it('come out of a hash the same again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (hash) => {
        expect(isMessageId(messageIdOfHash(hash))).toBe(true);
        expect(messageIdOfHash(hash)).toBe(messageIdOfHash(hash));
      }),
    );
    expect(messageIdOfHash(new Uint8Array(32).fill(255))).toBe('Z'.repeat(26));
  });
});

describe('labels', () => {
  it('split at the first colon; a bare one has no value', () => {
    expect({ ...parseLabels('platform:ios,beta,v:1:2') }).toEqual({ platform: 'ios', beta: '', v: '1:2' });
    expect({ ...parseLabels('__proto__:x') }).toEqual(Object.fromEntries([['__proto__', 'x']]));
  });

  it('refuse bad names and more than twenty', () => {
    expect(parseLabels('a b:c')).toBeUndefined();
    expect(parseLabels('a:b c')).toBeUndefined();
    expect(parseLabels(Array.from({ length: 21 }, (_, i) => `k${i}`).join(','))).toBeUndefined();
  });
});
