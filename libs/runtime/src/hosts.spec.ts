import { isOurHost, parseHosts } from './hosts.js';

describe('the host that a request names', () => {
  it.each<[sent: string | undefined, hosts: string, may: boolean]>([
    ['evil.example', '*', true],
    [undefined, 'local', true],
    ['127.0.0.1:9999', 'local', true],
    ['192.0.2.7', 'local', true],
    ['[::1]:9999', 'local', true],
    ['localhost:9999', 'local', true],
    ['LocalHost.', 'local', true],
    ['app.localhost', 'local', true],
    ['evil.example:9999', 'local', false],
    ['localhost.evil.example', 'local', false],
    ['127.0.0.1.evil.example', 'local', false],
    ['evil-localhost', 'local', false],
    ['[evil.example]', 'local', false],
    ['', 'local', false],
    ['127.0.0.1@evil.example', 'local', false],
    ['push.example.com', 'push.example.com', true],
    ['PUSH.example.com.:443', 'push.example.com', true],
    ['example.com', '*.example.com', false],
    ['a.b.example.com', '*.example.com', true],
    ['badexample.com', '*.example.com', false],
  ])('%j, while "%s" may be named: %s', (sent, hosts, may) => {
    expect(isOurHost(parseHosts(hosts), sent)).toBe(may);
  });

  it.each(['http://a.com', 'a.com:80', 'a..b', 'a b', '*.'])('is not listed as "%s"', (text) => {
    expect(() => parseHosts(text)).toThrow('must list names');
  });
});
