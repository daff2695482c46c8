import * as fc from 'fast-check';
import { formatPosition, parsePosition, parseSince } from './position.js';

describe('positions', () => {
  it('go there and back', () => {
    const epochs = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
    fc.assert(
      fc.property(epochs, fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }), (epoch, offset) => {
        expect(parsePosition(formatPosition({ epoch, offset }))).toEqual({ epoch, offset });
      }),
    );
  });

  it('never throw on garbage', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => [parsePosition(text), parseSince(text)]).not.toThrow();
      }),
    );
  });

  it('are read from the right, because room names hold : @ and /', () => {
    expect(parseSince('user@e1:5,all@e1:-1,room:a:b@c/d@e-1:17')).toEqual(
      new Map([
        ['user', { epoch: 'e1', offset: 5 }],
        ['all', { epoch: 'e1', offset: -1 }],
        ['room:a:b@c/d', { epoch: 'e-1', offset: 17 }],
      ]),
    );
  });

  it('are taken as they are told before any epoch has a name', () => {
    const told = formatPosition({ epoch: '', offset: -1 });
    expect(parsePosition(told)).toEqual({ epoch: '', offset: -1 });
    expect(parseSince(`all@${told},room:a:b@${told}`)).toEqual(
      new Map([
        ['all', { epoch: '', offset: -1 }],
        ['room:a:b', { epoch: '', offset: -1 }],
      ]),
    );
  });

  it.each([
    '',
    'user@:5',
    'user',
    'user@',
    'user@e',
    'user@e:',
    'user@e:x',
    'user@e:-2',
    'user@e:1.5',
    'user@e:01',
    'usr@e:1',
    'room:@e:1',
    'user@e:1,user@e:2',
    'user@e:99999999999999999',
  ])('refuse %j', (text) => {
    expect(parseSince(text)).toBeUndefined();
  });
});
