import { parseOrigins } from '@app/runtime';
import { isAllowedOrigin } from './origin.js';

const asks = (origin: string | undefined, allowed: string, host = 'push.example.com') =>
  isAllowedOrigin({ headers: { host, ...(origin !== undefined && { origin }) } }, parseOrigins(allowed));

describe('the origin of a page', () => {
  it.each<[origin: string | undefined, allowed: string, may: boolean]>([
    ['https://app.example.com', 'https://app.example.com', true],
    ['https://APP.example.com', 'https://App.Example.com', true],
    ['https://app.example.com', 'https://app.example.com:443', true],
    ['http://app.example.com:80', 'http://app.example.com', true],
    ['https://app.example.com:8443', 'https://app.example.com', false],
    ['http://app.example.com', 'https://app.example.com', false],
    ['https://app.example.com.evil.net', 'https://app.example.com', false],
    ['https://app.example.com/x', 'https://app.example.com', false],
    ['https://evil@app.example.com', 'https://app.example.com', false],
    ['null', 'https://app.example.com', false],
    ['null', 'https://app.example.com,null', true],
    ['null', '', false],
    ['null', '*', true],
    [undefined, 'https://app.example.com', true],
    ['https://a.example.com', 'https://*.example.com', true],
    ['https://a.b.Example.com', 'https://*.example.com', true],
    ['https://a.b.example.com', 'https://*.b.example.com', true],
    ['https://example.com', 'https://*.example.com', false],
    ['https://evilexample.com', 'https://*.example.com', false],
    ['https://a.example.com.evil.net', 'https://*.example.com', false],
    ['http://a.example.com', 'https://*.example.com', false],
    ['https://a.example.com:8443', 'https://*.example.com', false],
    ['https://a.example.com:8443', 'https://*.example.com:8443', true],
    ['http://a.localhost:3000', 'http://*.localhost:3000', true],
    ['https://*.example.com', 'https://*.example.com', false],
    ['https://push.example.com', '', true],
    ['https://other.example.com', '', false],
  ])('%s of a list of "%s": %s', (origin, allowed, may) => {
    expect(asks(origin, allowed)).toBe(may);
  });

  it.each(['example.com', 'https://', 'https://a.com/', 'https://*', 'https://*.com', 'https://a.*.com', '*.a.com'])(
    'is not "%s"',
    (text) => expect(() => parseOrigins(text)).toThrow('must list origins'),
  );

  it.each(['https://*.*.example.com', 'https://*.0.0.1', 'https://x@a.com', 'ftp://a.com'])('is not "%s"', (text) =>
    expect(() => parseOrigins(text)).toThrow('must list origins'),
  );
});
