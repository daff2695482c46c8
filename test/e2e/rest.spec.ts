import { request as httpRequest } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { createMemoryRegistry } from '@app/registry';
import { RpcClient, admit } from '@app/rpc';
import { ConfigError, Metrics, Readiness, readConfig, silentLog } from '@app/runtime';
import { logicConfig } from '../../apps/logic/src/logic.config.js';
import { startLogic, type LogicParts, type RunningLogic } from '../../apps/logic/src/start.js';
import { freePort } from '../support/server-process.js';
import { until } from '../support/until.js';
import { EmbeddedBus } from '../../libs/bus/src/embedded/embedded.bus.js';

type Env = Record<string, string>;

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: Record<string, unknown>;
}

class Rest implements AsyncDisposable {
  private constructor(
    readonly logic: RunningLogic,
    readonly bus: EmbeddedBus,
  ) {}

  static async start(env: Env = {}, parts: Partial<LogicParts> = {}): Promise<Rest> {
    const config = readConfig({ LOGIC_PORT: '0', LOG_LEVEL: 'silent', ...env }, (read) =>
      logicConfig(read, 'standalone'),
    );
    const bus = new EmbeddedBus({ shards: 4, maxBytes: config.embeddedBusBytes });
    const registry = createMemoryRegistry();
    const shared = { metrics: new Metrics(), readiness: new Readiness(), log: silentLog };
    return new Rest(await startLogic({ config, bus, registry, ...shared, rpcHost: '127.0.0.1', ...parts }), bus);
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const sent =
      body === undefined || typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body);
    const type: Record<string, string> =
      sent === undefined || sent instanceof FormData ? {} : { 'content-type': 'application/json' };
    const answer = await fetch(`http://127.0.0.1:${this.logic.port}${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(sent !== undefined && { body: sent }),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    const parsed = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: answer.status, headers: answer.headers, text, body: parsed };
  }

  /** What a client sends that `fetch` would not: `request` as Latin-1 bytes, on a connection of its own. */
  async raw(request: string): Promise<Answer> {
    const socket = connect(this.logic.port, '127.0.0.1');
    socket.write(request, 'latin1');
    let text = '';
    for await (const bytes of socket) {
      text += String(bytes);
      const [head, body] = text.split('\r\n\r\n', 2) as [string, string?];
      const [start, ...lines] = head.split('\r\n') as [string, ...string[]];
      const headers = new Headers(lines.map((line) => line.split(': ', 2) as [string, string]));
      if (body === undefined || Buffer.byteLength(body) < Number(headers.get('content-length'))) continue;
      const parsed = JSON.parse(body) as Record<string, unknown>;
      return { status: Number(start.split(' ')[1]), headers, text: body, body: parsed };
    }
    throw new Error(`cut after ${text}`);
  }

  post = (path: string, body?: unknown, headers?: Record<string, string>) => this.ask('POST', path, body, headers);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.logic.close();
    await this.bus.close();
  }
}

const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const phone = { user: 'u', device: 'phone' };
const tooMany = Array.from({ length: 10_001 }, (_, i) => `u${i}`);

describe('REST', () => {
  let rest: Rest;
  beforeAll(async () => {
    rest = await Rest.start();
  });
  afterAll(() => rest[Symbol.asyncDispose]());

  const refusals: [string, string, unknown, number, string][] = [
    ['a body that is not JSON', '/v1/push/all', '{"text":', 400, 'invalid_body'],
    ['no body', '/v1/push/all', undefined, 400, 'invalid_body'],
    ['an empty body', '/v1/push/all', '', 400, 'invalid_body'],
    ['a body that is a list', '/v1/push/all', [], 400, 'invalid_body'],
    ['a body that is null', '/v1/push/all', 'null', 400, 'invalid_body'],
    ['no payload', '/v1/push/all', { type: 3 }, 400, 'invalid_body'],
    ['two payloads', '/v1/push/all', { text: 'a', data: 1 }, 400, 'invalid_body'],
    ['text that is a number', '/v1/push/all', { text: 1 }, 400, 'invalid_body'],
    ['base64 that is none', '/v1/push/all', { base64: '*' }, 400, 'invalid_body'],
    [
      'JSON nested without end',
      '/v1/push/all',
      `{"data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      400,
      'invalid_body',
    ],
    ['a type that is a string', '/v1/push/all', { text: 'a', type: '3' }, 400, 'invalid_body'],
    ['a type that is a fraction', '/v1/push/all', { text: 'a', type: 1.5 }, 400, 'invalid_body'],
    ['a type of more than 32 bits', '/v1/push/all', { text: 'a', type: 2 ** 31 }, 400, 'invalid_body'],
    ['a type that is null', '/v1/push/all', { text: 'a', type: null }, 400, 'invalid_body'],
    ['the heartbeat as a type', '/v1/push/all', { text: 'a', type: 1 }, 422, 'reserved_type'],
    ['a type of the protocol', '/v1/push/all', { text: 'a', type: 100 }, 422, 'reserved_type'],
    ['another type of the protocol', '/v1/push/all', { text: 'a', type: 199 }, 422, 'reserved_type'],
    ['an unknown field', '/v1/push/all', { text: 'a', colour: 'red' }, 422, 'unknown_field'],
    ['a field called __proto__', '/v1/push/all', '{"text":"a","__proto__":{"type":1}}', 422, 'unknown_field'],
    ['a field called constructor', '/v1/push/all', '{"text":"a","constructor":1}', 422, 'unknown_field'],
    ['an unknown field inside', '/v1/push/all', { text: 'a', exclude: { rooms: ['a'] } }, 422, 'unknown_field'],
    ['exclude as a list', '/v1/push/all', { text: 'a', exclude: [] }, 400, 'invalid_body'],
    ['exclude without a list', '/v1/push/all', { text: 'a', exclude: { users: 'u1' } }, 400, 'invalid_body'],
    ['a bad name in exclude', '/v1/push/all', { text: 'a', exclude: { users: ['a b'] } }, 422, 'bad_name'],
    ['ttlMs of nothing', '/v1/push/all', { text: 'a', ttlMs: 0 }, 400, 'invalid_body'],
    ['retain that is a string', '/v1/push/all', { text: 'a', retain: 'no' }, 400, 'invalid_body'],
    ['a payload over the limit', '/v1/push/all', { text: 'a'.repeat(65_537) }, 413, 'payload_too_large'],
    ['a body over the limit', '/v1/push/all', { text: 'a'.repeat(4 * 1024 * 1024) }, 413, 'payload_too_large'],
    ['a match that is none', '/v1/push/all', { text: 'a', match: 'vip &' }, 422, 'bad_match'],
    ['an empty match', '/v1/push/rooms', { rooms: ['r'], text: 'a', match: '' }, 422, 'bad_match'],
    ['a match that is too long', '/v1/push/all', { text: 'a', match: 'a|'.repeat(600) + 'a' }, 422, 'bad_match'],
    ['a match nested without end', '/v1/push/all', { text: 'a', match: '!'.repeat(1_000) + 'a' }, 422, 'bad_match'],
    ['a match that is a list', '/v1/push/all', { text: 'a', match: ['vip'] }, 400, 'invalid_body'],
    ['match to users', '/v1/push/users', { users: ['u'], text: 'a', match: 'vip' }, 422, 'unsupported_option'],
    ['match to devices', '/v1/push/devices', { targets: [phone], text: 'a', match: 'vip' }, 422, 'unsupported_option'],
    [
      'match to connections',
      '/v1/push/connections',
      { connections: ['x'], text: 'a', match: 'vip' },
      422,
      'unsupported_option',
    ],
    ['no match to labels', '/v1/push/labels', { text: 'a' }, 400, 'invalid_body'],
    ['a bad match to labels', '/v1/push/labels', { text: 'a', match: '(vip' }, 422, 'bad_match'],
    ['variants that are empty', '/v1/push/all', { text: 'a', variants: [] }, 400, 'invalid_body'],
    [
      'variants that are an object',
      '/v1/push/all',
      { text: 'a', variants: { match: 'vip', text: 'b' } },
      400,
      'invalid_body',
    ],
    ['variants that are strings', '/v1/push/all', { text: 'a', variants: ['vip'] }, 400, 'invalid_body'],
    ['variants that are lists', '/v1/push/all', { text: 'a', variants: [[]] }, 400, 'invalid_body'],
    ['a variant without a payload', '/v1/push/all', { text: 'a', variants: [{ match: 'vip' }] }, 400, 'invalid_body'],
    [
      'a variant with two',
      '/v1/push/all',
      { text: 'a', variants: [{ match: 'vip', text: 'b', data: 1 }] },
      400,
      'invalid_body',
    ],
    ['a variant for nobody', '/v1/push/all', { text: 'a', variants: [{ text: 'b' }] }, 400, 'invalid_body'],
    [
      'a variant with a bad match',
      '/v1/push/all',
      { text: 'a', variants: [{ match: '|', text: 'b' }] },
      422,
      'bad_match',
    ],
    [
      'an unknown field of a variant',
      '/v1/push/all',
      { text: 'a', variants: [{ match: 'v', text: 'b', type: 3 }] },
      422,
      'unknown_field',
    ],
    [
      '__proto__ in a variant',
      '/v1/push/all',
      '{"text":"a","variants":[{"match":"v","text":"b","__proto__":{}}]}',
      422,
      'unknown_field',
    ],
    [
      '11 variants',
      '/v1/push/all',
      { text: 'a', variants: times(11, { match: 'vip', text: 'b' }) },
      422,
      'too_many_targets',
    ],
    [
      '100,000 variants',
      '/v1/push/all',
      { text: 'a', variants: times(100_000, { match: 'v', text: 'b' }) },
      422,
      'too_many_targets',
    ],
    [
      'a variant over the limit',
      '/v1/push/all',
      { text: 'a', variants: [{ match: 'v', text: 'b'.repeat(65_537) }] },
      413,
      'payload_too_large',
    ],
    [
      'variants over the limit together',
      '/v1/push/all',
      { text: 'a', variants: times(5, { match: 'v', text: 'b'.repeat(60_000) }) },
      413,
      'payload_too_large',
    ],
    ['speed of less than nothing', '/v1/push/all', { text: 'a', speed: -1 }, 400, 'invalid_body'],
    ['speed that is a fraction', '/v1/push/labels', { match: 'v', text: 'a', speed: 0.5 }, 400, 'invalid_body'],
    ['speed beyond 32 bits', '/v1/push/all', { text: 'a', speed: 2 ** 40 }, 400, 'invalid_body'],
    ['speed to rooms', '/v1/push/rooms', { rooms: ['r'], text: 'a', speed: 1000 }, 422, 'unsupported_option'],
    ['speed to users', '/v1/push/users', { users: ['u'], text: 'a', speed: 0 }, 422, 'unsupported_option'],
    ['dryRun that is a string', '/v1/push/all', { text: 'a', dryRun: 'yes' }, 400, 'invalid_body'],
    ['a dry run without a payload', '/v1/push/all', { dryRun: true }, 400, 'invalid_body'],
    ['a dry run over the limit', '/v1/push/all', { text: 'a'.repeat(65_537), dryRun: true }, 413, 'payload_too_large'],
    ['no devices', '/v1/push/devices', { text: 'a' }, 400, 'invalid_body'],
    ['an empty list of devices', '/v1/push/devices', { targets: [], text: 'a' }, 400, 'invalid_body'],
    ['devices that are an object', '/v1/push/devices', { targets: phone, text: 'a' }, 400, 'invalid_body'],
    ['devices that are null', '/v1/push/devices', { targets: [phone, null], text: 'a' }, 400, 'invalid_body'],
    ['a device without a user', '/v1/push/devices', { targets: [{ device: 'd' }], text: 'a' }, 400, 'invalid_body'],
    [
      'a device that is a number',
      '/v1/push/devices',
      { targets: [{ user: 'u', device: 1 }], text: 'a' },
      400,
      'invalid_body',
    ],
    [
      'a device with a bad user',
      '/v1/push/devices',
      { targets: [{ user: 'a b', device: 'd' }], text: 'a' },
      422,
      'bad_name',
    ],
    [
      'a device with no name',
      '/v1/push/devices',
      { targets: [phone, { user: 'u', device: '' }], text: 'a' },
      422,
      'bad_name',
    ],
    [
      'an unknown field of a device',
      '/v1/push/devices',
      { targets: [{ ...phone, x: 1 }], text: 'a' },
      422,
      'unknown_field',
    ],
    [
      '__proto__ in a device',
      '/v1/push/devices',
      '{"text":"a","targets":[{"user":"u","device":"d","__proto__":{}}]}',
      422,
      'unknown_field',
    ],
    ['device to devices', '/v1/push/devices', { targets: [phone], device: 'd', text: 'a' }, 422, 'unsupported_option'],
    [
      '10,001 devices',
      '/v1/push/devices',
      { targets: tooMany.map((user) => ({ user, device: 'd' })), text: 'a' },
      422,
      'too_many_targets',
    ],
    [
      '101 devices of a user',
      '/v1/push/devices',
      { targets: tooMany.slice(0, 101).map((device) => ({ user: 'u', device })), text: 'a' },
      422,
      'too_many_targets',
    ],
    ['a batch of nothing', '/v1/push/batch', {}, 400, 'invalid_body'],
    ['an empty batch', '/v1/push/batch', { pushes: [] }, 400, 'invalid_body'],
    ['a batch that is an object', '/v1/push/batch', { pushes: { target: 'all', text: 'a' } }, 400, 'invalid_body'],
    [
      'a batch with a message',
      '/v1/push/batch',
      { pushes: [{ target: 'all', text: 'a' }], text: 'a' },
      422,
      'unknown_field',
    ],
    ['1,001 pushes', '/v1/push/batch', { pushes: times(1_001, { target: 'all', text: 'a' }) }, 422, 'too_many_targets'],
    ['ack', '/v1/push/all', { text: 'a', ack: true }, 422, 'unsupported_option'],
    ['receipt', '/v1/push/all', { text: 'a', receipt: true }, 422, 'unsupported_option'],
    ['collapseKey', '/v1/push/all', { text: 'a', collapseKey: 'x' }, 422, 'unsupported_option'],
    ['at', '/v1/push/all', { text: 'a', at: '2027-01-01' }, 422, 'unsupported_option'],
    ['types', '/v1/push/all', { text: 'a', types: [3] }, 422, 'unsupported_option'],
    ['device to all', '/v1/push/all', { text: 'a', device: 'd' }, 422, 'unsupported_option'],
    ['device to rooms', '/v1/push/rooms', { rooms: ['r'], text: 'a', device: 'd' }, 422, 'unsupported_option'],
    [
      'retain to connections',
      '/v1/push/connections',
      { connections: ['x'], text: 'a', retain: true },
      422,
      'unsupported_option',
    ],
    ['no rooms', '/v1/push/rooms', { text: 'a' }, 400, 'invalid_body'],
    ['an empty list of rooms', '/v1/push/rooms', { rooms: [], text: 'a' }, 400, 'invalid_body'],
    ['rooms that are a string', '/v1/push/rooms', { rooms: 'r', text: 'a' }, 400, 'invalid_body'],
    ['rooms that are null', '/v1/push/rooms', { rooms: null, text: 'a' }, 400, 'invalid_body'],
    ['a room that is a number', '/v1/push/rooms', { rooms: ['r', 1], text: 'a' }, 400, 'invalid_body'],
    ['a room without a name', '/v1/push/rooms', { rooms: [''], text: 'a' }, 422, 'bad_name'],
    ['a room with a space', '/v1/push/rooms', { rooms: ['r', 'a b'], text: 'a' }, 422, 'bad_name'],
    ['a room with 129 bytes', '/v1/push/rooms', { rooms: ['r'.repeat(129)], text: 'a' }, 422, 'bad_name'],
    ['10,001 rooms', '/v1/push/rooms', { rooms: tooMany, text: 'a' }, 422, 'too_many_targets'],
    ['no users', '/v1/push/users', { text: 'a' }, 400, 'invalid_body'],
    ['an empty list of users', '/v1/push/users', { users: [], text: 'a' }, 400, 'invalid_body'],
    ['a bad user', '/v1/push/users', { users: ['a\u0000'], text: 'a' }, 422, 'bad_name'],
    ['a bad device', '/v1/push/users', { users: ['a'], device: 'a b', text: 'a' }, 422, 'bad_name'],
    ['a device that is a list', '/v1/push/users', { users: ['a'], device: ['a'], text: 'a' }, 400, 'invalid_body'],
    ['10,001 users', '/v1/push/users', { users: tooMany, text: 'a' }, 422, 'too_many_targets'],
    ['one user 10,001 times', '/v1/push/users', { users: tooMany.map(() => 'u'), text: 'a' }, 422, 'too_many_targets'],
    ['no connections', '/v1/push/connections', { text: 'a' }, 400, 'invalid_body'],
    ['10,001 connections', '/v1/push/connections', { connections: tooMany, text: 'a' }, 422, 'too_many_targets'],
    ['a join of nobody', '/v1/rooms/r/join', {}, 400, 'invalid_body'],
    ['a join of both kinds', '/v1/rooms/r/join', { users: ['u'], connections: ['c'] }, 400, 'invalid_body'],
    ['a join of an empty list', '/v1/rooms/r/join', { users: [] }, 400, 'invalid_body'],
    ['a join of a bad name', '/v1/rooms/r/join', { users: ['a b'] }, 422, 'bad_name'],
    ['a join to a bad name', '/v1/rooms/a%20b/join', { users: ['u'] }, 422, 'bad_name'],
    ['a join to a long name', `/v1/rooms/${'r'.repeat(300)}/join`, { users: ['u'] }, 422, 'bad_name'],
    ['a join to a longer name', `/v1/rooms/${'r'.repeat(9_000)}/join`, { users: ['u'] }, 422, 'bad_name'],
    ['a join with a message', '/v1/rooms/r/join', { users: ['u'], text: 'a' }, 422, 'unknown_field'],
    ['10,001 members', '/v1/rooms/r/leave', { users: tooMany }, 422, 'too_many_targets'],
    ['an unknown route', '/v1/push/nobody', { text: 'a' }, 404, 'not_found'],
    ['a path that cannot be read', '/v1/rooms/%zz/join', { users: ['u'] }, 400, 'malformed'],
  ];

  it.each(refusals)('refuses %s', async (_name, path, body, status, code) => {
    const answer = await rest.post(path, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      status,
      type: expect.any(String),
      title: expect.any(String),
      detail: expect.any(String),
    });
  });

  it('lives on after all of them', async () => {
    expect((await rest.post('/v1/push/all', { text: 'still here' })).status).toBe(202);
  });

  it('names every field that is wrong', async () => {
    const answer = await rest.post('/v1/push/rooms', {
      rooms: [],
      type: 'x',
      exclude: { users: [1], colour: 1 },
      text: 'a',
    });
    expect(answer.body.errors).toEqual(
      expect.arrayContaining([
        { pointer: '#/rooms', detail: expect.stringContaining('at least one') },
        { pointer: '#/type', detail: expect.any(String) },
        { pointer: '#/exclude/users', detail: expect.stringContaining('item 0 is number') },
        { pointer: '#/exclude/colour', detail: expect.any(String) },
      ]),
    );
  });

  it.each([
    ['PUT', '/v1/push/all', 'POST'],
    ['GET', '/v1/push/rooms', 'POST'],
    ['DELETE', '/v1/rooms/r/join', 'POST'],
    ['POST', '/v1/online', 'GET, HEAD'],
  ])('says which methods there are to %s %s', async (method, path, allow) => {
    const answer = await rest.ask(method, path);
    expect([answer.status, answer.body.code, answer.headers.get('allow')]).toEqual([405, 'method_not_allowed', allow]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'application/vnd.api+json'])(
    'refuses %s',
    async (type) => {
      const answer = await rest.post('/v1/push/all', '{"text":"a"}', { 'content-type': type });
      expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media_type']);
    },
  );

  it('refuses bytes that are not UTF-8 instead of changing them', async () => {
    const answer = await rest.raw(
      'POST /v1/push/all HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"text":"a\xff"}',
    );
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_body']);
  });

  it.each(['application/json', 'text/plain'])('takes a DELETE whose client names %s for no body', async (type) => {
    const answer = await rest.ask('DELETE', '/v1/connections/g1~1~1', undefined, { 'content-type': type });
    expect([answer.status, answer.body.kicked]).toEqual([200, 0]);
  });

  it('refuses a compressed body', async () => {
    const answer = await rest.post('/v1/push/all', '{"text":"a"}', { 'content-encoding': 'gzip' });
    expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media_type']);
    expect((await rest.post('/v1/push/all', '{"text":"a"}', { 'content-encoding': 'identity' })).status).toBe(202);
  });

  it.each([
    ['/docs/../../package.json', 403, 'forbidden'],
    ['/docs/%2e%2e/%2e%2e/package.json', 403, 'forbidden'],
    ['/docs/%00', 400, 'malformed'],
    ['/docs/nothing.js', 404, 'not_found'],
    ['/docs/..%2f..%2fpackage.json', 404, 'not_found'],
  ])('serves nothing at %s', async (path, status, code) => {
    const answer = await rest.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it.each([
    ['no HTTP', '\x16\x03\x01'],
    ['a method that there is not', 'BREW / HTTP/1.1\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('refuses %s as a problem too', async (_name, bytes) => {
    const answer = await rest.raw(bytes);
    expect([answer.status, answer.body.code]).toEqual([400, 'malformed']);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('refuses an Idempotency-Key that is none', async () => {
    for (const path of ['/v1/push/all', '/v1/push/batch']) {
      const body = path.endsWith('all') ? { text: 'a' } : { pushes: [{ target: 'all', text: 'a' }] };
      const answer = await rest.post(path, body, { 'idempotency-key': 'two words' });
      expect([answer.status, answer.body.code]).toEqual([422, 'bad_name']);
    }
  });

  it('refuses an app id that is none', async () => {
    const answer = await rest.post('/v1/push/all', { text: 'a' }, { 'x-app-id': 'a/b' });
    expect([answer.status, answer.body.code]).toEqual([422, 'bad_name']);
  });

  it('answers 202 with an id, and that the embedded bus forgets', async () => {
    const answer = await rest.post('/v1/push/users', { users: ['nobody'], data: { a: null } });
    expect(answer).toMatchObject({
      status: 202,
      body: { id: expect.stringMatching(/^[0-9A-Z]{26}$/), durable: false },
    });
    expect(Date.parse(answer.body.acceptedAt as string)).not.toBeNaN();
  });

  it('answers each push of a batch in its place, and a bad one harms no other', async () => {
    const { status, body } = await rest.post('/v1/push/batch', {
      pushes: [
        { target: 'all', text: 'a' },
        { target: 'nobody', text: 'a' },
        { target: 'rooms', rooms: [], text: 'a' },
        { target: 'users', users: ['u'], text: 'a', speed: 1 },
        { target: 'labels', match: 'vip', data: null },
        { target: 'all', text: 'a', idempotencyKey: 7 },
        { target: 'all', text: 'a', __proto__: { type: 1 } },
        { target: 'all', text: 'a'.repeat(65_537) },
        { target: 'batch', pushes: [] },
        { target: 'constructor', text: 'a' },
        [],
        null,
        'all',
        { target: 'devices', targets: [phone], text: 'a', dryRun: true },
        { target: 'connections', connections: ['g9~1~1'], text: 'a' },
      ],
    });
    expect(status).toBe(200);
    const results = body.results as { status: number; body: Record<string, unknown> }[];
    expect(results.map((result) => [result.status, result.body.code])).toEqual([
      [202, undefined],
      [400, 'invalid_body'],
      [400, 'invalid_body'],
      [422, 'unsupported_option'],
      [202, undefined],
      [400, 'invalid_body'],
      [202, undefined], // JSON.stringify leaves a prototype out
      [413, 'payload_too_large'],
      [400, 'invalid_body'],
      [400, 'invalid_body'],
      [400, 'invalid_body'],
      [400, 'invalid_body'],
      [400, 'invalid_body'],
      [200, undefined],
      [202, undefined],
    ]);
    expect(results[0]!.body.id).not.toBe(results[4]!.body.id);
    expect(results[2]!.body.errors).toEqual([{ pointer: '#/rooms', detail: expect.any(String) }]);
    expect(results[13]!.body).toEqual({ connections: 0, nodes: 0 });
  });

  it('takes a thousand pushes in a call', async () => {
    const pushes = Array.from({ length: 1_000 }, (_, n) => ({ target: 'users', users: [`u${n}`], data: n }));
    const { body } = await rest.post('/v1/push/batch', { pushes });
    const results = body.results as { status: number; body: { id: string } }[];
    expect(new Set(results.map((result) => result.status))).toEqual(new Set([202]));
    expect(new Set(results.map((result) => result.body.id)).size).toBe(1_000);
  });

  it('sends nothing in a dry run, with or without a bus', async () => {
    expect(await rest.post('/v1/push/all', { text: 'a', dryRun: true })).toMatchObject({
      status: 200,
      body: { connections: 0, nodes: 0 },
    });
    expect((await rest.post('/v1/push/all', { text: 'a', dryRun: false })).status).toBe(202);
  });

  it.each([{ data: null }, { data: false }, { data: '' }, { text: '' }, { base64: 'AP8=' }])(
    'takes %j',
    async (body) => {
      expect((await rest.post('/v1/push/all', body)).status).toBe(202);
    },
  );

  it('counts a connection id that is none instead of refusing it', async () => {
    expect((await rest.post('/v1/push/connections', { connections: ['nonsense'], text: 'a' })).status).toBe(202);
    const dry = { connections: ['nonsense'], text: 'a', dryRun: true };
    expect((await rest.post('/v1/push/connections', dry)).body).toEqual({ connections: 0, nodes: 0 });
    expect((await rest.ask('GET', '/metrics')).text).toContain('reason="no_such_connection"} 1');
  });

  it('says who is gone, in the order asked', async () => {
    const joined = await rest.post('/v1/rooms/体育/join', { connections: ['g9~1~1', 'nonsense', 'g9~1~1'] });
    expect(joined).toMatchObject({
      status: 200,
      body: {
        members: [
          { connection: 'g9~1~1', result: 'gone' },
          { connection: 'nonsense', result: 'gone' },
          { result: 'gone' },
        ],
      },
    });
    const left = await rest.post('/v1/rooms/r/leave', { users: ['u2', 'u1'] });
    expect(left.body).toEqual({
      members: [
        { user: 'u2', result: 'absent' },
        { user: 'u1', result: 'absent' },
      ],
    });
  });

  it('is empty without gateways', async () => {
    expect((await rest.ask('GET', '/v1/online')).body).toEqual({ connections: 0, users: 0, rooms: 0, nodes: [] });
    expect((await rest.ask('GET', '/v1/nodes?region=eu')).body).toMatchObject({ nodes: [] });
    expect((await rest.ask('GET', '/v1/nodes?ip=1.2.3.4')).body).toMatchObject({ code: 'unsupported_option' });
  });

  it('is alive, ready and measured', async () => {
    expect((await rest.ask('GET', '/health/live')).body).toEqual({ status: 'ok' });
    expect(await rest.ask('GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const { text } = await rest.ask('GET', '/metrics');
    expect(text).toMatch(/skylark_pushes_total\{target="all"\} [1-9]/);
    expect(text).toMatch(/skylark_refusals_total\{code="unknown_field"\} [1-9]/);
    expect(text).toContain('skylark_http_request_seconds_count{route="/v1/push/all",status="202"}');
  });

  describe("the article's routes", () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };

    it.each([
      ['/push/all', 'val=hi&tag=3', '全部推送任务添加成功'],
      ['/push/all', 'val=hi&tag=x', '全部推送任务添加成功'],
      ['/push/all', 'val=hi&tag=1', '全部推送任务添加成功'],
      ['/push/all', 'val=hi', '值为空'],
      ['/push/all', 'tag=3&val=', '值为空'],
      ['/push/room', 'val=hi&tag=3&id=1', '[体育]房间推送任务添加成功'],
      ['/push/room', 'val=hi&tag=3&id=7', '[7]房间推送任务添加成功'],
      ['/push/room', 'val=hi&tag=3&id=a%20b', 'not find room'],
      ['/push/room', 'val=hi&tag=3', '值为空'],
      ['/room/join', 'id=1&wsId=g9~1~1', 'not find conn'],
      ['/room/join', 'id=1', '值为空'],
      ['/room/leave', 'id=1&wsId=g9~1~1', 'already delete'],
    ])('%s %s', async (path, fields, sentence) => {
      const answers = [
        await rest.post(path, fields, form),
        await rest.post(`${path}?${fields}`),
        await rest.ask('GET', `${path}?${fields}`),
        await rest.ask('PUT', `${path}?${fields}`, '{', { 'content-type': 'application/json' }),
        await rest.ask('DELETE', `${path}?${fields}`, 'whatever', { 'content-type': 'text/plain' }),
      ];
      for (const answer of answers) {
        expect([answer.status, answer.text]).toEqual([200, sentence]);
        expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      }
    });

    it('takes a multipart form, and its fields before those of the query', async () => {
      const fields = new FormData();
      fields.append('val', 'hi');
      fields.append('tag', '3');
      fields.append('id', '2');
      expect((await rest.post('/push/room?id=1', fields)).text).toBe('[电影]房间推送任务添加成功');
    });
  });

  it('documents examples that work as they stand', async () => {
    const { body } = await rest.ask('GET', '/docs-json');
    const { paths } = body as { paths: Record<string, Record<string, Operation>> };
    const tried: string[] = [];
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const concrete = path.replace(/\{(\w+)\}/g, (_, name: string) =>
          String(operation.parameters?.find((p) => p.name === name)?.schema.example),
        );
        const examples = Object.values(
          operation.requestBody?.content['application/json']?.examples ?? { none: { value: undefined } },
        );
        for (const { value } of examples) {
          const answer = await rest.ask(method.toUpperCase(), concrete, value);
          // Where nobody shows a token there is none to revoke.
          const expected = operation.operationId === 'revokeTokens' ? /^422$/ : /^20[02]$/;
          expect([operation.operationId, String(answer.status)]).toEqual([
            operation.operationId,
            expect.stringMatching(expected),
          ]);
          expect(Object.keys(operation.responses)).toContain(String(answer.status));
        }
        expect(operation.summary).toMatch(/^[^\n]{5,80}$/);
        tried.push(operation.operationId);
      }
    }
    expect(tried).toEqual([
      'pushToAll',
      'pushToRooms',
      'pushToUsers',
      'pushToDevices',
      'pushToConnections',
      'pushToLabels',
      'pushBatch',
      'listRooms',
      'getRoom',
      'listMembers',
      'listRoomUsers',
      'joinRoom',
      'leaveRoom',
      'listUsers',
      'countUsersOnline',
      'getUser',
      'listUserRooms',
      'kickUser',
      'kickConnection',
      'changeLabels',
      'getHistory',
      'listDeadLetters',
      'replayDeadLetters',
      'countOnline',
      'listNodes',
      'revokeTokens',
    ]);
    expect((await rest.ask('GET', '/docs')).text).toContain('swagger');
  });

  it('answers a cut body, and lives', async () => {
    const request = httpRequest({
      port: rest.logic.port,
      method: 'POST',
      path: '/v1/push/all',
      headers: { 'content-type': 'application/json', 'content-length': 100 },
    });
    request.on('error', () => {});
    request.write('{"text":');
    await new Promise<void>((resolve) => request.once('socket', (socket) => socket.once('connect', resolve)));
    request.destroy();
    expect((await rest.ask('GET', '/health/live')).status).toBe(200);
  });
});

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; schema: { example?: unknown } }[];
  requestBody?: { content: Record<string, { examples?: Record<string, { value: unknown }> }> };
  responses: Record<string, unknown>;
}

describe('REST with API keys', () => {
  let rest: Rest;
  beforeAll(async () => {
    rest = await Rest.start({ API_KEYS: 'first,second' });
  });
  afterAll(() => rest[Symbol.asyncDispose]());

  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['a wrong one', { 'x-api-key': 'third' }],
    ['the beginning of one', { authorization: 'Bearer firs' }],
    ['two at once', { authorization: 'Bearer first,second' }],
    ['one in another scheme', { authorization: 'Basic first' }],
  ])('refuses %s before it reads the body', async (_name, headers) => {
    for (const path of [
      '/v1/push/all',
      '/%761/push/all',
      '/v1/rooms/r/join',
      '/push/all',
      '/room/leave',
      '/v1/nothing',
    ]) {
      const answer = await rest.post(path, '{', headers);
      expect([path, answer.status, answer.body.code]).toEqual([path, 401, 'unauthenticated']);
    }
  });

  it('takes each key, in either header', async () => {
    const either: Record<string, string>[] = [{ authorization: 'Bearer first' }, { 'x-api-key': 'second' }];
    for (const headers of either) {
      expect((await rest.post('/v1/push/all', { text: 'a' }, headers)).status).toBe(202);
      expect((await rest.ask('GET', '/v1/online', undefined, headers)).status).toBe(200);
    }
    expect((await rest.post('/push/all?val=a&tag=3', undefined, { 'x-api-key': 'first' })).text).toBe(
      '全部推送任务添加成功',
    );
  });

  it.each(['/health/live', '/health/ready', '/metrics', '/docs', '/docs-json', '/docs/swagger-ui-init.js'])(
    'needs none at %s',
    async (path) => {
      expect((await rest.ask('GET', path)).status).toBe(200);
    },
  );
});

describe('REST while the bus is away', () => {
  it('answers 503 with Retry-After, and readiness says why', async () => {
    const bus = new EmbeddedBus({ shards: 4 });
    await using rest = await Rest.start({}, { bus });
    await bus.close();
    const answer = await rest.post('/v1/push/all', { text: 'a' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'bus_unavailable' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await rest.post('/push/all?val=a&tag=3')).status).toBe(503);
    expect(await rest.ask('GET', '/health/ready')).toMatchObject({
      status: 503,
      body: { error: { bus: { status: 'down' } } },
    });
    expect((await rest.ask('GET', '/health/live')).status).toBe(200);
  });
});

describe('starting logic', () => {
  it('listens before Kafka is there, says so, and ends cleanly', async () => {
    const gone = await freePort();
    await using rest = await Rest.start({ BUS: 'kafka', KAFKA_BROKERS: `127.0.0.1:${gone}` }, { bus: undefined });
    const answer = await rest.post('/v1/push/all', { text: 'a' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'bus_unavailable' } });
    expect(answer.text).not.toContain(String(gone));
    const ready = await rest.ask('GET', '/health/ready');
    expect(ready).toMatchObject({
      status: 503,
      body: { error: { bus: { status: 'down' } }, info: { registry: { status: 'up' } } },
    });
  });

  it('is found and asked by gateways', async () => {
    const registry = createMemoryRegistry();
    await using rest = await Rest.start({ RPC_SECRET: 'between us' }, { registry });
    await until(async () => (await registry.nodes.list('logic')).length > 0, 'logic in the registry');
    const seen = (await registry.nodes.list('logic'))[0]!;
    expect(seen).toMatchObject({ host: '127.0.0.1', port: rest.logic.rpcPort, leased: true });
    const gateway = new RpcClient({ host: seen.host, port: seen.port, secret: 'between us', log: silentLog });
    const asking = { user: 'u1', rooms: ['r'], labels: {}, remoteAddress: '127.0.0.1' };
    expect(await gateway.call(admit, [asking], 5_000)).toMatchObject([{ ok: true, user: 'u1', rooms: ['r'] }]);
    gateway.close();
  });

  it('names the setting behind a taken port', async () => {
    await using taken = await Rest.start();
    await expect(Rest.start({ LOGIC_PORT: String(taken.logic.port) })).rejects.toThrow(
      /LOGIC_PORT=\d+: the port is taken/,
    );
    const server = createServer();
    const port = await listening(server);
    await expect(Rest.start({ LOGIC_RPC_PORT: String(port) })).rejects.toThrow(/LOGIC_RPC_PORT=\d+: the port is taken/);
    server.close();
  });

  it('says all bad settings at once', async () => {
    await expect(Rest.start({ LOGIC_PORT: 'x', BUS: 'redis', BIND: '0.0.0.0' })).rejects.toThrow(ConfigError);
  });
});

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
