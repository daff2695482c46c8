import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startCluster, type Cluster } from '../support/cluster.js';
import { operationsOf, type OpenApi, type Operation } from '../support/openapi.js';
import { until } from '../support/until.js';

const hashed = (key: string, fields: string) =>
  `sha256:${createHash('sha256').update(key).digest('hex')} ${fields} name=${key}`;

/** What each scope opens, by operationId. A new route belongs into one of these. */
const opens: Record<string, string[]> = {
  push: ['pushToAll', 'pushToRooms', 'pushToUsers', 'pushToDevices', 'pushToConnections', 'pushToLabels', 'pushBatch'],
  manage: ['joinRoom', 'leaveRoom', 'kickUser', 'kickConnection', 'changeLabels', 'replayDeadLetters', 'revokeTokens'],
  read: [
    'listRooms',
    'getRoom',
    'listMembers',
    'listRoomUsers',
    'listUserRooms',
    'listUsers',
    'countUsersOnline',
    'getUser',
    'getHistory',
    'listDeadLetters',
    'countOnline',
    'listNodes',
  ],
};
const shortRoutes = { push: ['/push/all', '/push/room'], manage: ['/room/join', '/room/leave'], read: [] };

describe('keys', () => {
  let cluster: Cluster;
  let operations: Operation[];
  beforeAll(async () => {
    const keys = [
      ...Object.keys(opens).map((scope) => hashed(scope, `scopes=${scope}`)),
      hashed('shop', 'app=shop'),
      hashed('old', 'expires=2020-01-01'),
      'plain',
    ];
    cluster = await startCluster({ env: { API_KEYS: keys.join(',') } });
    operations = operationsOf((await cluster.get<OpenApi>('/docs-json')).body);
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const ask = async (method: string, url: string, key?: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${cluster.restUrls[0]}${url}`, {
      method,
      headers: { ...(key !== undefined && { 'x-api-key': key }), ...headers },
    });
    const text = await answer.text();
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as { code?: string; detail?: string };
    return { status: answer.status, ...body, text };
  };

  it('open each route by exactly one scope, which the documentation names', () => {
    const listed = Object.entries(opens).flatMap(([scope, ids]) => ids.map((id) => `${id}: ${scope}`));
    expect(operations.map(({ id, scope }) => `${id}: ${scope}`).toSorted()).toEqual(listed.toSorted());
    expect(operations.filter(({ object }) => !/scope `\w+`\.$/.test(object.description ?? ''))).toEqual([]);
  });

  it.each(Object.keys(opens))('with the scope %s open its routes and no others', async (scope) => {
    const wrong: string[] = [];
    for (const operation of operations) {
      const { status, code, detail = '' } = await ask(operation.method, operation.url(), scope);
      const needed = operation.scope;
      const isRight =
        scope === needed
          ? ![401, 403].includes(status)
          : status === 403 && code === 'forbidden' && detail.includes(`scope "${needed}"`);
      if (!isRight) wrong.push(`${operation.id}: ${status} ${detail}`);
    }
    for (const [needed, paths] of Object.entries(shortRoutes)) {
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'PUT']) {
          const { status } = await ask(method, path, scope);
          if (status !== (scope === needed ? 200 : 403)) wrong.push(`${method} ${path}: ${status}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('of one app speak for it, with or without X-App-Id, and for no other', async () => {
    const shopper = await cluster.connect('ann', { query: { app: 'shop' } });
    const stranger = await cluster.connect('ann');
    const push = (text: string, headers: Record<string, string>) =>
      cluster.post('/v1/push/users', { users: ['ann'], text }, { headers: { 'x-api-key': 'shop', ...headers } });
    expect((await push('one', {})).status).toBe(202);
    expect((await push('two', { 'x-app-id': 'shop' })).status).toBe(202);
    for (const other of ['default', 'SHOP', 'shop2', 'a/b', '', 'shop, default']) {
      expect((await push('wrong', { 'x-app-id': other })).body).toMatchObject({
        code: 'forbidden',
        detail: expect.stringContaining('"shop"'),
      });
    }
    expect((await ask('POST', '/push/all?tag=5&val=wrong', 'shop', { 'x-app-id': 'default' })).status).toBe(403);
    expect((await ask('POST', '/push/all?tag=5&val=three', 'shop')).status).toBe(200);
    const texts = [await shopper.next(0), await shopper.next(0), await shopper.next((p) => p.data === 'three')];
    expect(texts.map(({ data }) => data)).toEqual(['one', 'two', 'three']);
    const own = { 'x-api-key': 'plain' };
    await cluster.post('/v1/push/users', { users: ['ann'], type: 7, text: 'last' }, { headers: own });
    await stranger.next(7);
    expect(stranger.packets.map(({ type }) => type)).toEqual([100, 7]);
  });

  it('that are plain in the settings open everything for every app', async () => {
    for (const path of ['/v1/rooms', '/v1/online', '/v1/dead-letters'])
      expect((await ask('GET', path, 'plain', { 'x-app-id': 'any' })).status).toBe(200);
  });

  it.each([
    ['missing', undefined, 'needs a key'],
    ['unknown', 'nobody', 'not known'],
    ['expired', 'old', 'expired'],
  ])('are answered 401 when %s, on the short routes too', async (_, key, why) => {
    for (const path of ['/v1/online', '/push/all?val=1', '/v1/nothing']) {
      const { status, code, detail } = await ask('GET', path, key);
      expect([status, code, detail]).toEqual([401, 'unauthenticated', expect.stringContaining(why)]);
    }
  });

  it('of any scope are told that a path does not exist, or takes another method', async () => {
    expect((await ask('GET', '/v1/nothing', 'push')).status).toBe(404);
    expect((await ask('PUT', '/v1/push/all', 'read')).status).toBe(405);
  });

  it('are counted by name', async () => {
    await ask('GET', '/v1/online', 'read');
    await ask('POST', '/v1/push/all', 'read');
    const metrics = await (await fetch(`${cluster.restUrls[0]}/metrics`)).text();
    expect(metrics).toMatch(/skylark_key_requests_total\{key="read",outcome="allowed"\} [1-9]/);
    expect(metrics).toMatch(/skylark_key_requests_total\{key="read",outcome="forbidden"\} [1-9]/);
  });
});

describe('npm run keys', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skylark-keys-'));
  const file = join(folder, 'api-keys');
  afterAll(() => rmSync(folder, { recursive: true }));

  const keys = (...options: string[]): Promise<{ code: number; out: string; err: string }> =>
    promisify(execFile)(process.execPath, [join(process.cwd(), 'scripts/keys.mjs'), ...options]).then(
      ({ stdout: out, stderr: err }) => ({ code: 0, out, err }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout,
        err: stderr,
      }),
    );

  it('says what it takes, and refuses what it does not', async () => {
    expect(await keys('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--scope') });
    const wrong = [
      [],
      ['renew'],
      ['new', 'x'],
      ['new', '--scope', 'all'],
      ['new', '--app', 'a/b'],
      ['new', '--name', 'a b'],
      ['new', '--expires', 'soon'],
      ['new', '--expires', '2020-01-01'],
      ['list', '--file', join(folder, 'none')],
      ['revoke', '--file', file],
    ];
    for (const options of wrong) expect(await keys(...options)).toMatchObject({ code: 2, out: '' });
  });

  it('makes keys that a running logic takes, and revokes them', async () => {
    writeFileSync(file, '# the keys of this test\n');
    await using cluster = await startCluster({ env: { API_KEYS_FILE: file } });
    const statusOf = async (key: string, path = '/v1/online') =>
      (await cluster.get(path, { headers: { authorization: `Bearer ${key}` } })).status;
    const [key = '', line = ''] = (
      await keys('new', '--scope', 'read', '--app', 'shop', '--name', 'web', '--file', file)
    ).out.split('\n');
    expect(line).toMatch(/^sha256:[0-9a-f]{64} scopes=read app=shop name=web$/);
    await until(async () => (await statusOf(key)) === 200, 'the new key to open');
    expect((await keys('list', '--file', file)).out).toMatch(/web +read +shop +never/);

    writeFileSync(file, 'broken\n');
    const other = (await keys('new')).out.split('\n')[1]!;
    expect(await statusOf(key)).toBe(200);
    expect((await fetch(`${cluster.restUrls[0]}/health/ready`)).status).toBe(200);

    writeFileSync(file, `${line}\n${other}\n`);
    expect(await keys('revoke', 'nobody', '--file', file)).toMatchObject({ code: 2 });
    expect(await keys('revoke', 'web', '--file', file)).toMatchObject({ code: 0 });
    await until(async () => (await statusOf(key)) === 401, 'the revoked key to be refused');
    const id = other.slice('sha256:'.length, 'sha256:'.length + 8);
    expect(await keys('revoke', id, '--file', file)).toMatchObject({ code: 0 });
    expect((await keys('list', '--file', file)).out.trim().split('\n')).toHaveLength(1);
    expect((await cluster.get('/v1/online')).status).toBe(401);
  });
});
