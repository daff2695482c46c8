import { SignJWT, type JWTPayload } from 'jose';
import type { Welcome } from '@app/protocol';
import { TokenIssuer } from '../support/token-issuer.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { until } from '../support/until.js';
import { connect, upgradeRefused, type WireClient } from '../support/wire-client.js';

const secret = 'a secret of at least thirty-two bytes';
const token = ({ iat = Math.floor(Date.now() / 1_000) - 60, ...claims }: JWTPayload) =>
  new SignJWT({ sub: 'ann', exp: iat + 3_660, ...claims, iat })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
const bearer = async (claims: JWTPayload = {}) => ({ headers: { authorization: `Bearer ${await token(claims)}` } });

describe('tokens', () => {
  let cluster: Cluster;
  const clients: WireClient[] = [];
  beforeAll(async () => {
    const env = {
      AUTH_MODE: 'jwt',
      JWT_SECRET: secret,
      JWT_CLOCK_SKEW_MS: '0',
      TOKEN_WARNING_MS: '1500',
      ROOM_POLICIES: 'staff:=token,sys:=api,lobby=open',
    };
    cluster = await startCluster({ gateways: 2, env });
  });
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.drop())));
  afterAll(() => cluster[Symbol.asyncDispose]());

  const enter = async (
    claims: JWTPayload,
    { gateway = 0, query = {} }: { gateway?: number; query?: Record<string, string> } = {},
  ) => {
    const client = await connect(cluster.clientUrls[gateway]!, { ...(await bearer(claims)), query });
    clients.push(client);
    const { data } = await client.next(100);
    return Object.assign(client, { welcomed: data as Welcome });
  };
  const revoke = (body: object) => cluster.post('/v1/tokens/revoke', body);
  const reason = 'the token was revoked';

  it('are taken back by their id: closed on every gateway, refused at the door and as a new token', async () => {
    const [first, second, other] = await Promise.all([
      enter({ jti: 'stolen' }),
      enter({ jti: 'stolen', sub: 'bob' }, { gateway: 1 }),
      enter({ jti: 'mine' }, { gateway: 1 }),
    ]);
    const begun = Date.now();
    expect(await revoke({ jti: 'stolen' })).toMatchObject({
      status: 200,
      body: { jti: 'stolen', until: expect.any(String) as string },
    });
    for (const client of [first, second]) expect(await client.closed).toEqual({ code: 4401, reason });
    expect(Date.now() - begun).toBeLessThan(1_000);
    for (const url of cluster.clientUrls) {
      expect((await upgradeRefused(url, await bearer({ jti: 'stolen' }))).status).toBe(401);
    }
    const refreshed = await other.request({ type: 107, data: { token: await token({ jti: 'stolen' }) } });
    expect(refreshed.error).toEqual({ code: 'unauthenticated', message: reason });
    expect((await other.request({ type: 107, data: { token: await token({ jti: 'mine' }) } })).error).toBeUndefined();
  });

  it('are taken back by their user: those issued before, and not those of others or of another app', async () => {
    const carl = { sub: 'carl' };
    const [first, second, dora, elsewhere] = await Promise.all([
      enter(carl),
      enter(carl, { gateway: 1 }),
      enter({ sub: 'dora' }),
      enter({ ...carl, app: 'shop' }),
    ]);
    expect((await revoke({ user: 'carl' })).status).toBe(200);
    for (const client of [first, second]) expect((await client.closed).code).toBe(4401);
    expect((await upgradeRefused(cluster.clientUrls[1]!, await bearer(carl))).status).toBe(401);
    await enter({ ...carl, iat: Math.floor(Date.now() / 1_000) + 1 });
    for (const client of [dora, elsewhere]) {
      expect((await client.request({ type: 101, data: { room: 'lobby' } })).error).toBeUndefined();
    }
  });

  it('are not taken back by what cannot name them', async () => {
    for (const [body, code] of [
      [{}, 'invalid_body'],
      [{ jti: 'a', user: 'b' }, 'invalid_body'],
      [{ jti: '' }, 'invalid_body'],
      [{ user: 'a b' }, 'bad_name'],
      [{ jti: 'a', ttlMs: 1 }, 'invalid_body'],
    ] as const) {
      expect((await revoke(body)).body).toMatchObject({ code });
    }
  });

  it('warn before they end, and end the connection; a new one keeps it, and no other user’s', async () => {
    const iat = Math.floor(Date.now() / 1_000);
    const [leaving, staying] = await Promise.all([enter({ iat, exp: iat + 4 }), enter({ iat, exp: iat + 4 })]);
    const warning = { type: 111, data: { expiresAt: (iat + 4) * 1_000, inMs: expect.any(Number) as number } };
    expect(await leaving.next(111)).toEqual(warning);
    expect(await staying.next(111)).toEqual(warning);
    const wrong = await staying.request({ type: 107, data: { token: await token({ sub: 'bob' }) } });
    expect(wrong.error?.code).toBe('unauthenticated');
    expect((await staying.request({ type: 107, data: { token: await token({}) } })).error).toBeUndefined();
    expect(await leaving.closed).toEqual({ code: 4401, reason: 'the token has ended' });
    expect((await staying.request({ type: 101, data: { room: 'lobby' } })).error).toBeUndefined();
  });

  it('say which rooms may be joined: at connect, by 101, and after a new one; REST may always', async () => {
    const asked = 'live:1,staff:1,sys:1,other,lobby';
    const client = await enter({ sub: 'eve', rooms: ['live:*', 'sys:*'] }, { query: { rooms: asked } });
    expect(client.welcomed.rooms.sort()).toEqual(['live:1', 'lobby']);
    const told = [await client.next(110), await client.next(110), await client.next(110)];
    expect(told.map(({ error }) => [error!.code, error!.message.split(': ')[0]])).toEqual([
      ['room_forbidden', 'staff:1'],
      ['room_forbidden', 'sys:1'],
      ['room_forbidden', 'other'],
    ]);
    const join = async (room: string) => (await client.request({ type: 101, data: { room } })).error?.code;
    expect([await join('live:2'), await join('staff:1'), await join('sys:1'), await join('lobby')]).toEqual([
      undefined,
      'room_forbidden',
      'room_forbidden',
      undefined,
    ]);
    const connections = [client.welcomed.connectionId];
    const joined = await cluster.post('/v1/rooms/sys:1/join', { connections });
    expect(joined.body).toMatchObject({ members: [{ result: 'joined' }] });
    await client.next(108);
    expect(await join('sys:1')).toBeUndefined();
    const narrower = await token({ sub: 'eve', rooms: ['live:1', 'staff:1'] });
    expect((await client.request({ type: 107, data: { token: narrower } })).error).toBeUndefined();
    expect(await client.next(109)).toEqual({ type: 109, data: { room: 'live:2', by: 'token' } });
    expect([await join('staff:1'), await join('live:3')]).toEqual([undefined, 'room_forbidden']);
    const { body } = await cluster.get<{ connections: { rooms: string[] }[] }>('/v1/users/eve');
    expect(body.connections[0]!.rooms.sort()).toEqual(['live:1', 'lobby', 'staff:1', 'sys:1']);
  });

  it('let a user that REST put into a room to stay come back into it, whatever they say', async () => {
    await cluster.post('/v1/rooms/sys:2/join', { users: ['fay'] });
    const client = await enter({ sub: 'fay', rooms: [] }, { query: { rooms: 'sys:2' } });
    expect(client.welcomed.rooms).toEqual(['sys:2']);
    expect((await client.request({ type: 101, data: { room: 'other' } })).error?.code).toBe('room_forbidden');
    expect(client.packets.filter(({ type, ref }) => type === 110 && ref === undefined)).toEqual([]);
  });

  it('that are shown twice as first frame let one in once', async () => {
    const client = await connect(cluster.clientUrls[0]!);
    clients.push(client);
    const shown = { type: 107, data: { token: await token({ sub: 'gus' }) } };
    client.send({ ...shown, ref: '1' });
    client.send({ ...shown, ref: '2' });
    await client.next(({ ref }) => ref === '2');
    expect(client.packets.map(({ type, ref, error }) => [type, ref, error])).toEqual([
      [100, undefined, undefined],
      [110, '1', undefined],
      [110, '2', undefined],
    ]);
    expect((await cluster.get<{ connections: unknown[] }>('/v1/users/gus')).body.connections).toHaveLength(1);
  });

  it('of another app, user or device renew nothing', async () => {
    const client = await enter({ sub: 'hal', app: 'shop', device: 'phone' });
    for (const claims of [
      { sub: 'hal', app: 'alpha', device: 'phone' },
      { sub: 'hal', app: 'default' },
      { sub: 'ivy', app: 'shop' },
      { sub: 'hal', app: 'shop', device: 'tablet' },
    ]) {
      const { error } = await client.request({ type: 107, data: { token: await token(claims) } });
      expect(error?.code).toBe('unauthenticated');
    }
    // It is who it was.
    await cluster.post('/v1/push/users', { users: ['hal'], type: 7, text: 'x' }, { headers: { 'x-app-id': 'shop' } });
    await client.next(7);
    const { body } = await cluster.get<{ connections: unknown[] }>('/v1/users/hal', {
      headers: { 'x-app-id': 'alpha' },
    });
    expect(body.connections).toEqual([]);
  });

  it('that are too long are refused as first frame', async () => {
    const client = await connect(cluster.clientUrls[0]!);
    clients.push(client);
    client.send({ type: 107, data: { token: 'x'.repeat(8_193) } });
    expect((await client.closed).code).toBe(4401);
  });
});

describe('tokens of an issuer', () => {
  it('are believed by its keys of the day, when they are made by it and for us', async () => {
    await using issuer = await TokenIssuer.start();
    const env = {
      AUTH_MODE: 'jwt',
      JWT_JWKS_URL: issuer.url,
      JWT_JWKS_COOL_DOWN_MS: '100',
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'skylark',
    };
    await using cluster = await startCluster({ env });
    const url = cluster.clientUrls[0]!;
    const claims = { sub: 'ann', iss: env.JWT_ISSUER, aud: ['other', 'skylark'] };
    const shown = async (kid: string, more: JWTPayload = {}) => ({
      headers: { authorization: `Bearer ${await issuer.sign(kid, { ...claims, ...more })}` },
    });
    for (const alg of ['RS256', 'ES256', 'EdDSA']) {
      await issuer.add(alg, alg);
      let status = 0;
      // While the keys were read a moment ago nobody can say: 503, come back.
      await until(async () => {
        const client = await connect(url, await shown(alg)).catch(() => undefined);
        status = client ? 101 : (await upgradeRefused(url, await shown(alg)).catch(() => ({ status: 101 }))).status;
        await client?.drop();
        return status !== 503;
      }, `the key ${alg} to be read`);
      expect([alg, status]).toEqual([alg, 101]);
      for (const wrong of [{ iss: 'https://else.example' }, { aud: 'other' }, { iss: undefined }, { aud: undefined }]) {
        expect((await upgradeRefused(url, await shown(alg, wrong))).status).toBe(401);
      }
    }
    const client = await connect(url, await shown('RS256'));
    const renew = async (kid: string, more: JWTPayload = {}) => {
      const { headers } = await shown(kid, more);
      const data = { token: headers.authorization.slice('Bearer '.length) };
      return (await client.request({ type: 107, data })).error?.code;
    };
    expect([await renew('EdDSA'), await renew('ES256', { aud: 'other' })]).toEqual([undefined, 'unauthenticated']);
    await client.drop();
  });
});
