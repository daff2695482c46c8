import { connect as tcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { startCluster, type Cluster } from '../support/cluster.js';
import { upgradeRefused } from '../support/wire-client.js';

const app = 'https://app.example.com';
const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' };

describe('REST and the pages of other origins', () => {
  let cluster: Cluster;
  let open: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      env: { API_KEYS: 'a-key', CORS_ORIGINS: `${app},http://localhost:5173`, TRUST_PROXY: '127.0.0.1' },
    });
    open = await startCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await open?.[Symbol.asyncDispose]();
  });

  const ask = (method: string, path: string, headers: Record<string, string>, of = cluster) =>
    fetch(of.restUrls[0]! + path, { method, headers });

  it('lets a listed one ask, before any key, and read what is answered', async () => {
    const asked = await ask('OPTIONS', '/v1/push/all', { origin: app, ...preflight });
    expect([asked.status, await asked.text()]).toEqual([204, '']);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
      'access-control-allow-headers': expect.stringContaining('Idempotency-Key'),
      'access-control-max-age': '600',
      vary: 'Origin',
    });
    for (const headers of [{ 'x-api-key': 'a-key' }, {}] as Record<string, string>[]) {
      const answer = await ask('GET', '/v1/online', { origin: app, ...headers });
      expect(answer.status).toBe('x-api-key' in headers ? 200 : 401);
      expect(answer.headers.get('access-control-allow-origin')).toBe(app);
      expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
      expect(answer.headers.get('vary')).toBe('Origin');
    }
  });

  it('never lets a browser send what it keeps by itself', async () => {
    const asked = await ask('OPTIONS', '/v1/push/all', { origin: app, ...preflight });
    expect(asked.headers.has('access-control-allow-credentials')).toBe(false);
  });

  it.each(['https://evil.example', `${app}.evil.example`, 'http://app.example.com', `${app}:8443`, 'null'])(
    'does not let %s',
    async (origin) => {
      const asked = await ask('OPTIONS', '/v1/push/all', { origin, ...preflight });
      expect([asked.status, await asked.json()]).toEqual([403, expect.objectContaining({ code: 'forbidden' })]);
      const answer = await ask('GET', '/v1/online', { origin, 'x-api-key': 'a-key' });
      for (const { headers } of [asked, answer]) {
        expect([headers.has('access-control-allow-origin'), headers.get('vary')]).toEqual([false, 'Origin']);
      }
    },
  );

  it('says a preflight of a short route without doing what it says', async () => {
    const client = await cluster.connect('ann');
    expect((await ask('OPTIONS', '/push/all?val=x&tag=5', { origin: app, ...preflight })).status).toBe(204);
    await cluster.post('/v1/push/all', { type: 6, text: 'x' }, { headers: { 'x-api-key': 'a-key' } });
    await client.next(6);
    expect(client.packets.map(({ type }) => type)).toEqual([100, 6]);
  });

  it('knows no origin unless one is listed', async () => {
    const asked = await ask('OPTIONS', '/v1/push/all', { origin: app, ...preflight }, open);
    expect([asked.status, asked.headers.has('access-control-allow-origin')]).toEqual([403, false]);
    const answer = await ask('GET', '/v1/online', { origin: app }, open);
    expect([answer.status, answer.headers.has('access-control-allow-origin')]).toEqual([403, false]);
    expect(answer.headers.has('vary')).toBe(false);
  });

  it('refuses what a visited page makes a browser ask of a server without keys', async () => {
    const client = await open.connect('ann');
    const own = new URL(open.restUrls[0]!).origin;
    const others: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:3000' }, // another port of the same machine
      { origin: 'http://127.0.0.1:3000' },
      { origin: 'null' },
    ];
    for (const headers of others) {
      for (const path of ['/push/all?val=x&tag=5', '/v1/push/all']) {
        const answer = await ask('POST', path, headers, open);
        expect([answer.status, await answer.json()]).toEqual([403, expect.objectContaining({ code: 'forbidden' })]);
      }
    }
    for (const headers of [
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'same-origin', origin: own },
      { origin: own },
    ])
      expect((await ask('POST', '/push/all?val=x&tag=6', headers as Record<string, string>, open)).status).toBe(200);
    await client.next(6);
    expect(client.packets.map(({ type }) => type)).not.toContain(5);
  });

  it.each([
    ['/push/all?val=x&tag=5', 403],
    ['/metrics', 403],
    ['/', 403],
    ['/nowhere', 403],
  ])('answers %s by no name that a page may have had resolve to this machine', async (path, status) => {
    const { port } = new URL(open.restUrls[0]!);
    const statusOf = async (host: string, to = port) => {
      const socket = tcp(Number(to), '127.0.0.1');
      // As a browser does whose page is of that origin.
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n`);
      return Number((await text(socket)).split(' ')[1]);
    };
    expect(await statusOf(`rebound.evil.example:${port}`)).toBe(status);
    expect(await statusOf(`localhost:${port}`)).not.toBe(status);
    // With a key to show there is nothing to gain by it.
    expect(await statusOf('push.example.com', new URL(cluster.restUrls[0]!).port)).not.toBe(status);
  });

  it('lets no page connect by such a name', async () => {
    const headers = { host: 'rebound.evil.example', origin: 'http://rebound.evil.example' };
    expect((await upgradeRefused(open.clientUrls[0]!, { headers })).status).toBe(403);
  });

  it('tells browsers with every answer to load nothing, frame nothing, guess nothing and pass nothing on', async () => {
    const paths = ['/v1/online', '/v1/nothing', '/nothing', '/health/live', '/health/ready', '/metrics', '/docs-json'];
    for (const path of [...paths, '/push/all', '/v1/rooms/%zz', '/docs', '/', '/console/main.js']) {
      const { headers } = await ask('GET', path, {});
      expect([path, Object.fromEntries(headers)]).toEqual([
        path,
        expect.objectContaining({
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'referrer-policy': 'no-referrer',
          'cross-origin-resource-policy': 'same-origin',
          'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
        }),
      ]);
      expect(headers.get('content-security-policy')).not.toMatch(/\*|unsafe-eval|script-src[^;]*unsafe/);
      expect(headers.has('strict-transport-security')).toBe(false);
      expect(headers.has('server') || headers.has('x-powered-by')).toBe(false);
    }
    expect((await ask('GET', '/v1/online', { 'x-api-key': 'a-key' })).headers.get('cache-control')).toBe('no-store');
  });

  it('asks for TLS from then on when a trusted proxy says that there is some', async () => {
    const secure = await ask('GET', '/docs', { 'x-forwarded-proto': 'https' });
    expect(secure.headers.get('strict-transport-security')).toBe('max-age=31536000');
    const untrusted = await ask('GET', '/docs', { 'x-forwarded-proto': 'https' }, open);
    expect(untrusted.headers.has('strict-transport-security')).toBe(false);
  });
});

describe('line breaks in what a stranger writes', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const evil = 'x\r\nX-Evil: 1\r\n\r\n<script>';

  it('never become headers or frames: names, reasons, keys, apps and paths', async () => {
    const client = await cluster.connect('ann');
    const id = (client.packets[0]!.data as { connectionId: string }).connectionId;
    const port = Number(new URL(cluster.restUrls[0]!).port);
    const escaped = encodeURIComponent(evil);
    const targets: [string, string][] = [
      ['GET', `/v1/rooms/${escaped}`],
      ['GET', `/v1/users/${escaped}`],
      ['GET', `/v1/channels/room:${escaped}/history`],
      ['GET', `/v1/rooms?prefix=${escaped}&cursor=${escaped}`],
      ['GET', `/console/${escaped}`],
      ['GET', `/${escaped}`],
      ['PUT', `/v1/rooms/${escaped}`],
      ['GET', `/push/room?val=x&tag=${escaped}&id=${escaped}`],
      ['DELETE', `/v1/connections/${escaped}`],
      ['DELETE', `/v1/connections/${id}?reason=${escaped}`],
    ];
    for (const [method, path] of targets) {
      const socket = tcp(port, '127.0.0.1');
      socket.end(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const [head = ''] = (await text(socket)).split('\r\n\r\n');
      expect([path, head]).toEqual([path, expect.stringMatching(/^HTTP\/1\.1 \d{3} /)]);
      expect(head).not.toMatch(/x-evil/i);
    }
    for (const name of ['X-App-Id', 'Idempotency-Key', 'traceparent', 'Authorization', 'Origin']) {
      const socket = tcp(port, '127.0.0.1');
      socket.end(
        `POST /v1/push/all HTTP/1.1\r\nHost: localhost\r\n${name}: x\nX-Evil: 1\rX\0\r\nContent-Length: 0\r\n\r\n`,
      );
      expect((await text(socket)).split('\r\n\r\n')[0]).not.toMatch(/x-evil/i);
    }
  });

  it('are refused or written as text in the reason of a close', async () => {
    const client = await cluster.connect('bob');
    const id = (client.packets[0]!.data as { connectionId: string }).connectionId;
    const answer = await fetch(
      `${cluster.restUrls[0]}/v1/connections/${id}?reason=${encodeURIComponent('go\r\nX-Evil: 1')}`,
      { method: 'DELETE' },
    );
    const closed = answer.status === 200 ? (await client.closed).code : undefined;
    expect([
      [200, 4403],
      [400, undefined],
    ]).toContainEqual([answer.status, closed]);
  });

  it.each(['user', 'device', 'rooms', 'app', 'since', 'labels'])('are refused at the door in %s', async (name) => {
    const refused = await upgradeRefused(cluster.clientUrls[0]!, { query: { user: 'ann', [name]: evil } });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.headers).not.toHaveProperty('x-evil');
  });
});
