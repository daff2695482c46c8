import { request } from 'node:http';
import { startCluster, type Cluster } from '../support/cluster.js';

describe('the page at /, as HTTP', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ env: { API_KEYS: 'a-key' } });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const get = (path: string, init: RequestInit = {}) => fetch(cluster.restUrls[0]! + path, init);
  const files = async (): Promise<string[]> => {
    const html = await (await get('/')).text();
    const named = [...html.matchAll(/(?:src|href)="(\/console\/[^"]*)"/g)].map(([, path]) => path!);
    const main = await (await get('/console/main.js')).text();
    return [...named, ...[...main.matchAll(/from '\.\/(.*)'/g)].map(([, name]) => `/console/${name}`)];
  };

  it('is for everybody, without a key, and lets no other page touch it', async () => {
    const page = await get('/');
    expect(page.status).toBe(200);
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'/),
    });
    const gateway = new URL(cluster.clientUrls[0]!);
    expect(page.headers.get('content-security-policy')).toContain(`connect-src 'self' ${gateway.origin};`);
  });

  it('has files that are kept and asked for by their ETag', async () => {
    for (const path of await files()) {
      const first = await get(path);
      expect([path, first.status]).toEqual([path, 200]);
      expect(first.headers.get('x-content-type-options')).toBe('nosniff');
      const etag = first.headers.get('etag')!;
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
        const again = await get(path, { headers: { 'if-none-match': known } });
        expect([path, again.status, await again.text()]).toEqual([path, 304, '']);
        expect(again.headers.get('etag')).toBe(etag);
      }
      expect((await get(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    }
  });

  it('answers HEAD as GET, without a body, and no other method', async () => {
    for (const path of ['/', '/console/page.css', '/console/settings']) {
      const [got, head] = [await get(path), await get(path, { method: 'HEAD' })];
      expect([path, head.status, await head.text()]).toEqual([path, 200, '']);
      expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(await got.text())));
      const posted = await get(path, { method: 'POST' });
      expect([path, posted.status, posted.headers.get('allow')]).toEqual([path, 405, 'GET, HEAD']);
    }
  });

  it('refuses what is none of its files', async () => {
    for (const path of ['/console/', '/console/x.js', '/console/__proto__', '/console/..%2fpage.css', '/console/%00']) {
      const answer = await get(path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('is not reached past the key by another way of writing a path', async () => {
    const status = (path: string) =>
      new Promise((resolve, reject) => {
        request(cluster.restUrls[0]!, { path }, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end();
      });
    for (const path of ['/console/../v1/online', '//v1/online', '/%76%31/online']) {
      expect([path, await status(path)]).not.toEqual([path, 200]);
    }
    expect(await status('/v1/online')).toBe(401);
  });

  it('is not in the documentation of REST', async () => {
    const { paths } = (await (await get('/docs-json')).json()) as { paths: object };
    expect(Object.keys(paths).filter((path) => path === '/' || path.startsWith('/console'))).toEqual([]);
  });

  it('is off by CONSOLE=0', async () => {
    await using off = await startCluster({ env: { CONSOLE: '0' } });
    for (const path of ['/', '/console/main.js', '/console/settings']) {
      expect([path, (await fetch(off.restUrls[0]! + path)).status]).toEqual([path, 404]);
    }
  });
});
