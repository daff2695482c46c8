import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect as connectTcp, type Server, type Socket } from 'node:net';
import { CloseCode } from '@app/protocol';
import { ConnectionQuota, ManualClock, Metrics, RateLimit, readConfig, silentLog } from '@app/runtime';
import { Opcode, openRaw, rawFrame } from '../../../../test/support/raw-websocket.js';
import { until } from '../../../../test/support/until.js';
import { connect, upgradeRefused } from '../../../../test/support/wire-client.js';
import { gatewayConfig } from '../gateway.config.js';
import type { Connection } from '../session/connection.js';
import { Door, Inbound, type DoorRefusal, type Hello, type Ticket } from '../session/door.js';
import { FrameLimits } from '../session/frame-limits.js';
import { textFrame } from '../session/frame.js';
import { Heartbeat } from '../session/heartbeat.js';
import type { Session } from '../session/session.js';
import { SessionTable } from '../session/session-table.js';
import { ClientServer } from './client-server.js';
import { Crowd } from './crowd.js';
import { Newcomers } from './newcomers.js';

class FakeDoor extends Door {
  readonly table = new SessionTable();
  readonly hellos: Hello[] = [];
  state: Session['state'] = 'live';
  answer: (hello: Hello) => Promise<Ticket | DoorRefusal> = (hello) =>
    Promise.resolve({ hello, identity: undefined, rooms: [], labels: null });

  knock(hello: Hello) {
    this.hellos.push(hello);
    return this.answer(hello);
  }

  enter(connection: Connection): Session {
    const session = this.table.add(connection);
    session.state = this.state;
    session.connection.write(textFrame('{"type":100}'));
    return session;
  }

  refresh() {
    return Promise.resolve(undefined);
  }
}

class FakeInbound extends Inbound {
  readonly texts: string[] = [];
  readonly closes: number[] = [];
  binaries = 0;
  onText: (session: Session, text: string) => void = () => {};

  text(session: Session, bytes: Buffer) {
    this.texts.push(bytes.toString());
    this.onText(session, bytes.toString());
  }

  binary() {
    this.binaries += 1;
  }

  closed(_session: Session, code: number) {
    this.closes.push(code);
  }
}

async function open(settings: Record<string, string> = {}) {
  const door = new FakeDoor();
  const inbound = new FakeInbound();
  const metrics = new Metrics();
  const clock = new ManualClock();
  const config = readConfig({ MAX_MESSAGE_BYTES: '1024', ...settings }, (env) => gatewayConfig(env, 'standalone'));
  const heartbeat = new Heartbeat(clock, config.timeoutMs);
  const limits = new FrameLimits(config, metrics);
  const rate = new RateLimit({ name: 'rate', perSecond: config.maxConnectsPerIp, metrics });
  const places = new ConnectionQuota({ name: 'ip', max: config.maxConnectionsPerIp, clock, metrics });
  const newcomers = new Newcomers(rate, places, config.limitExempt, metrics);
  const server = new ClientServer({
    door,
    inbound,
    heartbeat,
    limits,
    newcomers,
    crowd: new Crowd(clock),
    settings: config,
    metrics,
    log: silentLog,
  });
  const port = await server.listen(0, '127.0.0.1');
  server.open();
  const counted = async (name: string) => (await metrics.registry.getSingleMetricAsString(name)).split('\n').slice(2);
  const close = () => {
    for (const session of door.table) session.connection.terminate();
    heartbeat.stop();
    return server.close();
  };
  const url = `ws://127.0.0.1:${port}`;
  return {
    door,
    inbound,
    places,
    server,
    clock,
    counted,
    port,
    url,
    connectUrl: `${url}/connect`,
    [Symbol.asyncDispose]: close,
  };
}

const plainHttp = (port: number, path: string) =>
  new Promise<{ status: number; upgrade: string | undefined; body: string }>((resolve, reject) => {
    const request = httpRequest({ port, path, host: '127.0.0.1' }, (response) => {
      let body = '';
      response.on('data', (part: Buffer) => (body += part.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, upgrade: response.headers.upgrade, body }));
    });
    request.on('error', reject);
    request.end();
  });

const from = (origin: string) => ({ headers: { Origin: origin } });

describe("the clients' port", () => {
  it('answers in HTTP what may not be upgraded, and why', async () => {
    await using at = await open({ MAX_ROOMS: '2' });
    const refused = async (path: string) => {
      const { status, body, headers } = await upgradeRefused(`${at.url}${path}`);
      expect(headers['content-type']).toBe('application/problem+json');
      const problem = JSON.parse(body) as { status: number; code: string };
      expect(problem.status).toBe(status);
      return `${status} ${problem.code}`;
    };
    expect(await refused('/')).toBe('404 not_found');
    expect(await refused('/connect/')).toBe('404 not_found');
    expect(await refused('/%00/../connectx?user=a')).toBe('404 not_found');
    expect(await refused('/connect?user=a%20b')).toBe('400 bad_name');
    expect(await refused(`/connect?device=${'d'.repeat(129)}`)).toBe('400 bad_name');
    expect(await refused('/connect?app=a/b')).toBe('400 bad_name');
    expect(await refused('/connect?rooms=a,,b')).toBe('400 bad_name');
    expect(await refused('/connect?rooms=a,b,c')).toBe('400 too_many_targets');
    expect(await refused('/connect?since=user@17')).toBe('400 malformed');
    expect(await refused('/connect?labels=%3Aios')).toBe('400 bad_name');
    expect(await refused('/connect?types=1,x')).toBe('400 malformed');
    expect(await refused('/connect?fields=all')).toBe('400 unsupported_option');
    expect(at.door.hellos).toEqual([]);
    expect(await at.counted('skylark_gateway_upgrades_refused_total')).toContain(
      'skylark_gateway_upgrades_refused_total{reason="not_found"} 3',
    );
  });

  it('asks plain HTTP to upgrade', async () => {
    await using at = await open();
    expect(await plainHttp(at.port, '/connect?x=1')).toMatchObject({ status: 426, upgrade: 'websocket' });
    expect(await plainHttp(at.port, '/')).toMatchObject({ status: 426 });
    expect(await plainHttp(at.port, '/metrics')).toMatchObject({ status: 404 });
  });

  it('refuses a handshake that is none', async () => {
    await using at = await open();
    const answer = await rawRequest(at.port, [
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*Sec-WebSocket-Version: 13\r\n.*"code":"malformed"/s);
  });

  it('asks who would upgrade to something else for WebSocket, and nobody about them', async () => {
    await using at = await open();
    const answer = await rawRequest(at.port, [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 426 .*"code":"upgrade_required"/s);
    expect(at.door.hellos).toEqual([]);
  });

  it('reads everything that a client may show', async () => {
    await using at = await open();
    const query = {
      user: 'ann',
      device: 'd1',
      app: 'shop',
      rooms: 'a,b,a',
      since: 'user@e:17,room:x:y@e:-1',
      labels: 'platform:ios,beta',
      types: '5,-6,5',
      fields: 'minimal',
      token: 'in-the-url',
    };
    await using client = await connect(at.connectUrl, { query });
    await client.next(100);
    expect(at.door.hellos[0]).toEqual({
      token: 'in-the-url',
      user: 'ann',
      device: 'd1',
      app: 'shop',
      rooms: ['a', 'b'],
      since: new Map([
        ['user', { epoch: 'e', offset: 17 }],
        ['room:x:y', { epoch: 'e', offset: -1 }],
      ]),
      labels: Object.assign(Object.create(null) as object, { platform: 'ios', beta: '' }),
      types: [5, -6],
      isMinimal: true,
      remoteAddress: '127.0.0.1',
    });
  });

  it('takes the token from the header, the subprotocol or the query, or from several that agree', async () => {
    await using at = await open();
    const headers = { Authorization: 'Bearer t.o.ken' };
    const protocols = ['skylark', 'bearer.t.o.ken'];
    await using first = await connect(at.connectUrl, { headers });
    await using second = await connect(at.connectUrl, { protocols });
    await using third = await connect(`${at.connectUrl}?token=t.o.ken`);
    await using all = await connect(`${at.connectUrl}?token=t.o.ken`, { headers, protocols });
    await using none = await connect(`${at.connectUrl}?token=`);
    expect(at.door.hellos.map((hello) => hello.token)).toEqual([...Array<string>(4).fill('t.o.ken'), undefined]);
    const answered = [first, second, third, all, none].map((client) => client.socket.protocol);
    expect(answered).toEqual(['', 'skylark', '', 'skylark', '']);
  });

  it.each<[string, string, object]>([
    ['header and subprotocol', '', { headers: { Authorization: 'Bearer a' }, protocols: ['skylark', 'bearer.b'] }],
    ['header and query', '?token=b', { headers: { Authorization: 'Bearer a' } }],
    ['subprotocol and query', '?token=b', { protocols: ['skylark', 'bearer.a'] }],
    ['two of the query', '?token=a&token=b', {}],
    ['two subprotocols', '', { protocols: ['skylark', 'bearer.a', 'bearer.b'] }],
  ])('refuses tokens that differ in %s, and asks nobody', async (_, query, options) => {
    await using at = await open();
    const refused = await upgradeRefused(at.connectUrl + query, options);
    expect([refused.status, JSON.parse(refused.body)]).toMatchObject([400, { code: 'malformed' }]);
    expect(refused.body).not.toContain('bearer');
    expect(at.door.hellos).toEqual([]);
  });

  it('refuses a token that is too long, and asks nobody', async () => {
    await using at = await open();
    const refused = await upgradeRefused(`${at.connectUrl}?token=${'x'.repeat(8_193)}`);
    expect([refused.status, JSON.parse(refused.body)]).toMatchObject([401, { code: 'unauthenticated' }]);
    expect(at.door.hellos).toEqual([]);
  });

  it('gives the refusal of the door as HTTP, with the time to wait', async () => {
    await using at = await open();
    at.door.answer = () => Promise.resolve({ status: 401, code: 'unauthenticated', message: 'the token has ended' });
    const bad = await upgradeRefused(at.connectUrl);
    expect(bad).toMatchObject({ status: 401 });
    expect(JSON.parse(bad.body)).toMatchObject({ code: 'unauthenticated', detail: 'the token has ended' });
    at.door.answer = () =>
      Promise.resolve({ status: 503, code: 'unavailable', message: 'no logic', retryAfterSeconds: 2 });
    expect(await upgradeRefused(at.connectUrl)).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    at.door.answer = () => Promise.reject(new Error('unforeseen'));
    expect(await upgradeRefused(at.connectUrl)).toMatchObject({ status: 500 });
  });

  it('lets in pages of allowed origins only, and those who name none', async () => {
    await using at = await open({ ALLOWED_ORIGINS: 'https://app.example.com' });
    expect(await upgradeRefused(at.connectUrl, from('https://evil.example.com'))).toMatchObject({ status: 403 });
    await using page = await connect(at.connectUrl, from('https://app.example.com'));
    await using native = await connect(at.connectUrl);
    expect([page, native]).toHaveLength(2);

    await using sameHost = await open({ AUTH_MODE: 'jwt' });
    await using own = await connect(sameHost.connectUrl, from(`http://127.0.0.1:${sameHost.port}`));
    expect(own.socket.readyState).toBe(1);
    expect(await upgradeRefused(sameHost.connectUrl, from('http://127.0.0.1:1'))).toMatchObject({ status: 403 });
    expect(await upgradeRefused(sameHost.connectUrl, from('null'))).toMatchObject({ status: 403 });
  });

  it('believes a trusted proxy about who connects, and nobody else', async () => {
    const headers = { 'X-Forwarded-For': '6.6.6.6, 203.0.113.9, 10.0.0.7' };
    await using trusting = await open({ TRUST_PROXY: '127.0.0.1,10.0.0.0/8' });
    await using behind = await connect(trusting.connectUrl, { headers });
    await using at = await open();
    await using direct = await connect(at.connectUrl, { headers });
    expect([behind, direct]).toHaveLength(2);
    expect(trusting.door.hellos[0]?.remoteAddress).toBe('203.0.113.9');
    expect(at.door.hellos[0]?.remoteAddress).toBe('127.0.0.1');
  });

  it('is harmless when a newcomer goes while admission is asked', async () => {
    await using at = await open();
    const { socket, admit } = await knock(at);
    socket.resetAndDestroy();
    const before = at.door.hellos.length;
    await until(async () => (await openSockets(at.server)) === 0, 'the reset to arrive');
    admit();
    await until(
      async () =>
        (await at.counted('skylark_gateway_upgrades_refused_total')).some((line) => line.includes('"gone"} 1')),
      'the loss to be counted',
    );
    expect(before).toBe(1);
    expect(at.door.table.size).toBe(0);
    at.door.answer = (hello) => Promise.resolve({ hello, identity: undefined, rooms: [], labels: null });
    await using next = await connect(at.connectUrl);
    await next.next(100);
  });

  it('lets nobody in who has hung up while admission was asked', async () => {
    await using at = await open();
    const { socket, admit } = await knock(at);
    await new Promise<void>((resolve) => socket.end(resolve));
    await plainHttp(at.port, '/'); // by then the end was read too
    admit();
    await until(
      async () =>
        (await at.counted('skylark_gateway_upgrades_refused_total')).some((line) => line.includes('"gone"} 1')),
      'the loss to be counted',
    );
    expect(at.door.table.size).toBe(0);
    socket.destroy();
  });

  it('bounds those who wait for admission and those who are in', async () => {
    await using at = await open({ MAX_KNOCKS: '1' });
    const { promise: asked, resolve: wasAsked } = deferred<void>();
    const { promise: answer, resolve: admit } = deferred<Ticket>();
    at.door.answer = () => (wasAsked(), answer);
    const first = connect(at.connectUrl);
    await asked;
    const second = await upgradeRefused(at.connectUrl);
    expect(second).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^[1-5]$/) as string },
    });
    admit({ hello: at.door.hellos[0]!, identity: undefined, rooms: [], labels: null });
    await using client = await first;
    await client.next(100);

    await using small = await open({ MAX_CONNECTIONS: '1' });
    await using only = await connect(small.connectUrl);
    expect(await upgradeRefused(small.connectUrl)).toMatchObject({ status: 503 });
    await only.close();
    await until(() => small.inbound.closes.length === 1);
    await using again = await connect(small.connectUrl);
    await again.next(100);
  });

  it('answers 503 until it is open and when it drains', async () => {
    await using at = await open();
    at.server.drain();
    expect(await upgradeRefused(at.connectUrl)).toMatchObject({ status: 503 });
    expect(at.server.isOpen).toBe(false);
    expect(await upgradeRefused(`${at.url}/elsewhere`)).toMatchObject({ status: 404 });
  });

  it('hands frames over as they come and tells how a connection ended', async () => {
    await using at = await open();
    await using client = await connect(at.connectUrl);
    client.send('{"type":200}');
    client.send('ü');
    client.send(Buffer.from([1, 2]));
    await until(() => at.inbound.binaries === 1);
    expect(at.inbound.texts).toEqual(['{"type":200}', 'ü']);
    await client.close(4000, 'bye');
    await until(() => at.inbound.closes.length === 1);
    expect(at.inbound.closes).toEqual([4000]);
    expect(await at.counted('skylark_gateway_closes_total')).toEqual(['skylark_gateway_closes_total{code="other"} 1']);
  });

  it('closes what breaks the protocol as ws does, counts it, and nobody else notices', async () => {
    await using at = await open();
    await using witness = await connect(at.connectUrl);
    const breaks: [Buffer, number][] = [
      [rawFrame(Opcode.text, 'hi', { mask: false }), 1002],
      [rawFrame(Opcode.text, Buffer.from([0xc3, 0x28])), 1007],
      [rawFrame(Opcode.text, Buffer.alloc(1025, 0x61)), 1009],
      [rawFrame(Opcode.text, '', { length: 2 ** 31 }), 1009],
      [rawFrame(0xf, 'x'), 1002],
    ];
    for (const [bytes, code] of breaks) {
      using raw = await openRaw(at.connectUrl);
      raw.send(bytes);
      expect(await raw.closed).toEqual({ code, reason: '' });
    }
    await until(() => at.inbound.closes.length === breaks.length);
    expect(at.inbound.closes).toEqual(breaks.map(([, code]) => code));
    expect(at.inbound.texts).toEqual([]);
    witness.send('still here');
    await until(() => at.inbound.texts.length === 1);
    expect(await at.counted('skylark_gateway_closes_total')).toContain('skylark_gateway_closes_total{code="1009"} 2');
  });

  it('reports the code it closed with, not what the client made of it', async () => {
    await using at = await open();
    using raw = await openRaw(at.connectUrl);
    const [session] = at.door.table;
    session!.close(CloseCode.kicked, `${'é'.repeat(60)}x€ and longer than a close frame may be`);
    await raw.next(); // the greeting
    const frame = await raw.next();
    expect(frame.opcode).toBe(Opcode.close);
    expect([frame.payload.readUInt16BE(0), frame.payload.subarray(2).toString()]).toEqual([4403, `${'é'.repeat(60)}x`]);
    raw.drop();
    await until(() => at.inbound.closes.length === 1);
    expect(at.inbound.closes).toEqual([4403]);
  });

  it('closes the one whose frame throws, and lives on', async () => {
    await using at = await open();
    await using client = await connect(at.connectUrl);
    at.inbound.onText = () => {
      throw new Error('unforeseen');
    };
    client.send('x');
    expect(await client.closed).toMatchObject({ code: 1011 });
    at.inbound.onText = () => {};
    await using next = await connect(at.connectUrl);
    await next.next(100);
  });

  it('does not let pings put off the end of who shows no token', async () => {
    await using at = await open();
    at.door.state = 'waiting';
    await using client = await connect(at.connectUrl);
    for (let second = 0; second < 4; second += 1) {
      at.clock.advance(1_000);
      client.socket.ping();
      await once(client.socket, 'pong');
    }
    at.clock.advance(1_500);
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it('closes who sends pings and reads no pongs, before they fill the memory', async () => {
    await using at = await open({ MAX_OUTBOX_BYTES: '65536', MAX_FRAMES_PER_SECOND: '0' });
    using raw = await openRaw(at.connectUrl);
    await raw.next();
    raw.stopReading();
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => rawFrame(Opcode.ping, Buffer.alloc(125))));
    const [session] = at.door.table;
    await until(() => {
      if (raw.socket.writableLength === 0) raw.send(pings);
      return !session!.connection.isOpen;
    }, 'the flood to be answered with a close');
    expect(session!.connection.writableLength).toBeLessThan(2 * 65_536);
    raw.drop();
    await until(() => at.inbound.closes.length === 1);
    expect(at.inbound.closes).toEqual([4413]);
  });

  it.each([
    ['texts', Opcode.text],
    ['pings', Opcode.ping],
    ['binaries', Opcode.binary],
  ])('closes who sends too many %s with 4429 and a back-off, and looks at none of the rest', async (_, opcode) => {
    await using at = await open({ MAX_FRAMES_PER_SECOND: '5' });
    using raw = await openRaw(at.connectUrl);
    raw.send(Buffer.concat(Array.from({ length: 200 }, () => rawFrame(opcode, 'PING'))));
    let frame = await raw.next();
    while (frame.opcode !== Opcode.close) frame = await raw.next();
    expect(frame.payload.readUInt16BE(0)).toBe(4429);
    expect(frame.payload.toString('utf8', 2)).toBe('too many frames; retry after 10 s');
    raw.drop();
    expect(at.inbound.texts.length + at.inbound.binaries).toBe(opcode === Opcode.ping ? 0 : 50);
    await until(() => at.inbound.closes.length === 1);
    expect(await at.counted('skylark_limited_total')).toEqual(['skylark_limited_total{limit="frames"} 1']);
  });

  it.each([
    ['nothing', []],
    ['a head byte by byte', 'GET /connect HTTP/1.1\r\nX-Slow: '.padEnd(500, 'x').split('')],
    ['garbage', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03']], // the hello of TLS
    [
      'a body that never ends',
      ['POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n', ...'y'.repeat(500).split('')],
    ],
  ])('cuts a connection that sends %s, while others are served', async (_, parts) => {
    await using at = await open({ REQUEST_TIMEOUT_MS: '300' });
    await using other = await connect(at.connectUrl);
    await other.next(100);
    const socket = connectTcp(at.port, '127.0.0.1').on('error', () => {});
    const cut = new Promise((resolve) => socket.on('close', resolve).resume());
    const dripping = setInterval(() => socket.write(parts.shift() ?? ''), 10);
    await cut;
    clearInterval(dripping);
    await until(async () => (await openSockets(at.server)) === 1);
    expect(other.socket.readyState).toBe(1);
  });

  it('lets so many in from one address, and again when they go, also when they never came in', async () => {
    await using at = await open({ MAX_CONNECTIONS_PER_IP: '2', LIMIT_EXEMPT: 'none', TRUST_PROXY: '127.0.0.1' });
    const as = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    at.door.answer = () => Promise.resolve({ status: 401, code: 'unauthenticated', message: 'no' });
    for (let n = 0; n < 5; n += 1) expect((await upgradeRefused(at.connectUrl, as('2001:db8::1'))).status).toBe(401);
    expect(at.places.size).toBe(0);
    at.door.answer = (hello) => Promise.resolve({ hello, identity: undefined, rooms: [], labels: null });
    const first = await connect(at.connectUrl, as('2001:db8::1'));
    await using second = await connect(at.connectUrl, as('2001:db8::2'));
    const refused = await upgradeRefused(at.connectUrl, as('2001:db8::3'));
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) as string },
    });
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'rate_limited' });
    await using other = await connect(at.connectUrl, as('2001:db8:0:1::1'));
    await first.drop();
    await until(() => at.inbound.closes.length === 1);
    await using again = await connect(at.connectUrl, as('2001:db8::3'));
    for (const client of [second, other, again]) await client.next(100);
    expect(await at.counted('skylark_limited_total')).toEqual(['skylark_limited_total{limit="connections_ip"} 1']);
  });

  it('refuses who connects too often before anybody is asked, and not those that are exempt', async () => {
    await using at = await open({ MAX_CONNECTS_PER_IP: '3', TRUST_PROXY: '127.0.0.1' });
    const as = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    at.door.answer = () => Promise.resolve({ status: 401, code: 'unauthenticated', message: 'no' });
    const statuses = async (address: string) =>
      Promise.all(Array.from({ length: 20 }, async () => (await upgradeRefused(at.connectUrl, as(address))).status));
    const flood = await statuses('192.0.2.1');
    expect(flood.filter((status) => status === 429).length).toBeGreaterThan(5);
    expect(at.door.hellos).toHaveLength(flood.filter((status) => status === 401).length);
    expect(new Set(await statuses('127.0.0.1'))).toEqual(new Set([401]));
  });

  it('closes while there are connections that never end their request', async () => {
    const at = await open();
    const [silent, slow] = [connectTcp(at.port, '127.0.0.1'), connectTcp(at.port, '127.0.0.1')];
    slow.write('GET /connect HTTP/1.1\r\nHost: loc');
    await until(async () => (await openSockets(at.server)) === 2);
    const cut = Promise.all(
      [silent, slow].map((socket) => new Promise((resolve) => socket.on('error', resolve).on('end', resolve).resume())),
    );
    await at[Symbol.asyncDispose]();
    await expect(cut).resolves.toHaveLength(2);
  });

  it('lives on when a connection cannot be accepted', async () => {
    await using at = await open();
    (at.server as unknown as { http: Server }).http.emit('error', new Error('accept EMFILE'));
    await using client = await connect(at.connectUrl);
    expect(await client.next(100)).toEqual({ type: 100 });
  });

  it('takes a ping frame for a sign of life', async () => {
    await using at = await open();
    await using client = await connect(at.connectUrl);
    await client.next(100);
    const [session] = at.door.table;
    at.clock.advance(55_000);
    client.socket.ping();
    await once(client.socket, 'pong');
    expect(session!.seenAtMs).toBe(Math.floor(at.clock.monotonic()));
    at.clock.advance(55_000);
    expect(client.socket.readyState).toBe(1);
    at.clock.advance(6_000);
    expect(await client.closed).toMatchObject({ code: 4408 });
  });
});

describe('raw writes beside the installed ws', () => {
  it('come out whole and in order between what ws itself sends', async () => {
    await using at = await open();
    await using client = await connect(at.connectUrl);
    await client.next(100);
    const [session] = at.door.table;
    const socket = session!.connection as Connection & { send(text: string): void; ping(): void };
    const long = 'x'.repeat(70_000);
    const wanted: string[] = [];
    for (let i = 0; i < 50; i += 1) {
      const mine = i % 10 === 0 ? `raw ${i} ${long}` : `raw ${i}`;
      socket.write(textFrame(mine));
      socket.send(`ws ${i}`);
      socket.ping();
      wanted.push(mine, `ws ${i}`);
    }
    const joined = Buffer.concat([textFrame('one'), textFrame('two'), textFrame('y'.repeat(200))]);
    socket.write(joined);
    wanted.push('one', 'two', 'y'.repeat(200));
    const taken: string[] = [];
    client.socket.removeAllListeners('message'); // these are no JSON
    client.socket.on('message', (data: Buffer) => taken.push(data.toString()));
    socket.close(4503, 'done');
    socket.write(textFrame('after the close frame: never'));
    expect(await client.closed).toEqual({ code: 4503, reason: 'done' });
    expect(taken).toEqual(wanted);
  });
});

const upgradeHead = [
  'GET /connect HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n');

async function rawRequest(port: number, headers: string[]): Promise<string> {
  const socket: Socket = connectTcp(port, '127.0.0.1');
  socket.write(`GET /connect HTTP/1.1\r\nHost: localhost\r\n${headers.join('\r\n')}\r\n\r\n`);
  let answer = '';
  socket.on('data', (part: Buffer) => (answer += part.toString()));
  await once(socket, 'close');
  return answer;
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((take) => {
    resolve = take;
  });
  return { promise, resolve };
}

/** Somebody of whom admission is being asked. */
async function knock({ door, port }: { door: FakeDoor; port: number }) {
  const { promise: asked, resolve: wasAsked } = deferred<void>();
  const { promise: answer, resolve: decide } = deferred<Ticket>();
  door.answer = () => (wasAsked(), answer);
  const socket = connectTcp(port, '127.0.0.1');
  socket.write(upgradeHead);
  await asked;
  const admit = () => decide({ hello: door.hellos[0]!, identity: undefined, rooms: [], labels: null });
  return { socket, admit };
}

const openSockets = (server: ClientServer): Promise<number> =>
  new Promise((resolve, reject) => {
    const { http } = server as unknown as { http: Server };
    http.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
