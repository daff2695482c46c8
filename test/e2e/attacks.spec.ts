import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose';
import { WebSocket } from 'ws';
import { startCluster, type Cluster } from '../support/cluster.js';
import { openRaw, rawFrame } from '../support/raw-websocket.js';
import { TokenIssuer } from '../support/token-issuer.js';
import { until } from '../support/until.js';
import { connect, upgradeRefused, WireClient } from '../support/wire-client.js';

const secret = 'a secret of at least thirty-two bytes';
const now = () => Math.floor(Date.now() / 1_000);
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed by hand, as a library would refuse to. */
const hmac = (header: object, claims: object, key: string | Buffer) => {
  const body = `${base64(header)}.${base64(claims)}`;
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
};

const claims = { sub: 'root', iat: now(), exp: now() + 600 };

describe.each(['a secret', 'published keys'])('a token, where %s is believed', (believed) => {
  let cluster: Cluster;
  let issuer: TokenIssuer;
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 });

  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    await issuer.add('k1', 'RS256');
    const lock: Record<string, string> =
      believed === 'a secret' ? { JWT_SECRET: secret } : { JWT_JWKS_URL: issuer.url, JWT_JWKS_COOL_DOWN_MS: '100' };
    cluster = await startCluster({ env: { AUTH_MODE: 'jwt', ...lock } });
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await issuer?.close();
  });

  const sign = (more: object = {}): Promise<string> =>
    believed === 'a secret'
      ? new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret))
      : issuer.sign('k1', { ...claims, ...more });

  const bad: Record<string, () => Promise<string> | string> = {
    'signed by a stranger': () =>
      believed === 'a secret'
        ? hmac({ alg: 'HS256' }, claims, 'another secret of at least thirty-two')
        : new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(stranger.privateKey),
    'signed by nobody': () => new UnsecuredJWT(claims).encode(),
    'signed by nobody, and says so in another way': () => `${base64({ alg: 'nOnE', typ: 'JWT' })}.${base64(claims)}.`,
    'signed with the public key as a secret': () => {
      const pem = createPublicKey({ key: issuer.jwk('k1') as JsonWebKey, format: 'jwk' }).export({
        type: 'spki',
        format: 'pem',
      });
      return hmac({ alg: 'HS256', kid: 'k1' }, claims, pem);
    },
    'signed with the empty secret': () => hmac({ alg: 'HS256' }, claims, ''),
    'that brings its own key': async () =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', jwk: await exportJWK(stranger.publicKey) })
        .sign(stranger.privateKey),
    'whose claims were changed': async () => {
      const [header, , signature] = (await sign()).split('.');
      return `${header}.${base64({ ...claims, sub: 'admin' })}.${signature}`;
    },
    'without its signature': async () => (await sign()).replace(/[^.]+$/, ''),
    expired: () => sign({ exp: now() - 60 }),
    'not valid yet': () => sign({ nbf: now() + 600 }),
    'that was taken back': async () => {
      const token = await sign({ jti: 'stolen' });
      await cluster.post('/v1/tokens/revoke', { jti: 'stolen' });
      return token;
    },
    'without end': () => sign({ filler: 'x'.repeat(8_192) }),
    'that is garbage': () => 'a.b.c',
  };

  it.each(Object.keys(bad))(
    '%s lets nobody in: by header, query, subprotocol, as first frame or as a new one',
    async (kind) => {
      const url = cluster.clientUrls[0]!;
      const token = await bad[kind]!();
      const ways = [
        { headers: { authorization: `Bearer ${token}` } },
        { query: { token } },
        { protocols: ['skylark', `bearer.${token}`] },
      ];
      for (const way of ways) {
        const refused = await upgradeRefused(url, way);
        expect([refused.status, JSON.parse(refused.body)]).toEqual([
          401,
          expect.objectContaining({ code: 'unauthenticated' }),
        ]);
        expect(refused.body).not.toContain(token.slice(0, 30));
      }
      const first = await connect(url);
      expect((await first.request({ type: 107, data: { token } })).error?.code).toBe('unauthenticated');
      expect(first.packets.map(({ type }) => type)).toEqual([110]);
      await first.drop();
      const live = await connect(url, { query: { token: await sign({ sub: 'root' }) } });
      await live.welcome();
      expect((await live.request({ type: 107, data: { token } })).error?.code).toBe('unauthenticated');
      await live.drop();
    },
  );

  it.each([1, 3, 101, 102, 103, 104, 105, 106, 100, 110, 190, 2_000])(
    'must come before a frame of type %i does anything',
    async (type) => {
      const client = await connect(cluster.clientUrls[0]!, { query: { rooms: 'lobby' } });
      client.send({ type, ref: 'a', data: { room: 'lobby', to: { user: 'root' }, channel: 'user', position: 'e:1' } });
      expect((await client.closed).code).toBe(4401);
      expect(client.packets.filter(({ error }) => error === undefined)).toEqual([]);
    },
  );

  it('that is good lets its user in all the same', async () => {
    const client = await connect(cluster.clientUrls[0]!, { query: { token: await sign() } });
    expect(await client.welcome()).toMatchObject({ userId: 'root' });
    await client.drop();
  });
});

describe('a stranger', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.padEnd(300))],
    ['the hello of TLS', Buffer.from('16030100c8010000c40303'.padEnd(600, '00'), 'hex')],
    ['a length of four gigabytes', Buffer.from([255, 255, 255, 255])],
    ['the proof of nothing', Buffer.concat([Buffer.from([0, 0, 0, 67, 5, 0, 0]), Buffer.alloc(64)])],
    ['a request', Buffer.concat([Buffer.from([0, 0, 0, 12, 0, 1, 49, 5]), Buffer.from('admit   ')])],
  ])('who speaks %s to an RPC port is cut, counted, and disturbs nobody', async (_, bytes) => {
    const client = await cluster.connect('ann');
    for (const app of [cluster.gateways[0]!, cluster.logics[0]!]) {
      const refused = async () => {
        const text = await app.metrics.registry.getSingleMetricAsString('skylark_rpc_refused_total');
        return [...text.matchAll(/\} (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
      };
      const before = await refused();
      const socket = connectTcp(app.rpcPort, '127.0.0.1').on('error', () => {});
      const closed = once(socket, 'close');
      socket.resume().write(bytes);
      await closed;
      await until(async () => (await refused()) === before + 1, 'the refusal to be counted');
    }
    await cluster.push('users', { users: ['ann'], type: 7, text: 'undisturbed' });
    expect(await client.next(7)).toMatchObject({ data: 'undisturbed' });
  });

  it('gets no compression, and is closed for a frame that says it is compressed', async () => {
    const offering = new WireClient(new WebSocket(cluster.clientUrls[0]!, { perMessageDeflate: true }));
    await offering.welcome();
    expect(offering.socket.extensions).toBe('');
    await offering.drop();
    using raw = await openRaw(cluster.clientUrls[0]!);
    const compressed = 0x40; // RSV1 (RFC 7692 §6)
    raw.send(rawFrame(1 | compressed, Buffer.alloc(1_000)));
    expect((await raw.closed)?.code).toBe(1002);
  });

  it('changes no prototype by what he writes, in any place', async () => {
    const poison = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const client = await cluster.connect('ann', { rooms: ['lobby'] });
    for (const packet of [poison, `{"type":105,"ref":"a","data":{"set":${poison}}}`, `{"type":101,"data":${poison}}`])
      client.send(packet);
    for (const path of [
      '/v1/push/all',
      '/v1/push/batch',
      '/v1/users/online',
      '/v1/rooms/__proto__/join',
      '/v1/tokens/revoke',
    ]) {
      for (const body of [poison, `{"pushes":[${poison}]}`, `{"type":5,"data":${poison}}`])
        await fetch(cluster.restUrls[0]! + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
    }
    const got = await client.next(5);
    expect(JSON.stringify(got.data)).toBe(poison); // as it came, a field like any other
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
