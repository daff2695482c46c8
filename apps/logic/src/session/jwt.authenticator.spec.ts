import { SignJWT, UnsecuredJWT, createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload } from 'jose';
import { ManualClock } from '@app/runtime';
import { JwtAuthenticator } from './jwt.authenticator.js';

const secret = 'a secret of at least thirty-two bytes';
const bytes = new TextEncoder().encode(secret);
const clock = new ManualClock(1_700_000_000_000);
const now = clock.now() / 1_000;
const authenticator = new JwtAuthenticator({ key: { secrets: [secret] } }, clock);

const sign = (claims: JWTPayload, key = bytes, alg = 'HS256') =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key);
const judge = (token?: string) => authenticator.identify({ ...(token !== undefined && { token }), user: 'somebody' });

describe('JwtAuthenticator', () => {
  it('believes sub, app, labels and exp, and nothing of the query', async () => {
    const token = await sign({ sub: 'e\u0301va', app: 'shop', labels: { platform: 'ios', beta: '' }, exp: now + 60 });
    expect(await judge(token)).toEqual({
      user: 'éva',
      app: 'shop',
      labels: { platform: 'ios', beta: '' },
      expiresAtMs: (now + 60) * 1_000,
      token: { issuedAtMs: 0 },
    });
    expect(await judge(await sign({ sub: 'u1' }))).toEqual({
      user: 'u1',
      labels: {},
      expiresAtMs: 0,
      token: { issuedAtMs: 0 },
    });
  });

  it('believes device, rooms, jti and iat', async () => {
    const token = await sign({ sub: 'u1', device: 'phone', rooms: ['live:*', 'lobby'], jti: 't1', iat: now - 5 });
    const identity = await judge(token);
    expect(identity).toMatchObject({ device: 'phone', token: { id: 't1', issuedAtMs: (now - 5) * 1_000 } });
    expect(['live:1', 'lobby', 'other'].map((room) => identity.rooms!.matches(room))).toEqual([true, true, false]);
    expect((await judge(await sign({ sub: 'u1', rooms: [] }))).rooms!.matches('lobby')).toBe(false);
  });

  it.each<[string, () => Promise<string | undefined> | string | undefined]>([
    ['no token', () => undefined],
    ['an empty token', () => ''],
    ['nonsense', () => 'a.b.c'],
    ['one signed with another secret', () => sign({ sub: 'u1' }, new TextEncoder().encode(`${secret}!`))],
    ['one that is not signed', () => new UnsecuredJWT({ sub: 'u1' }).encode()],
    ['one of another algorithm', () => sign({ sub: 'u1' }, bytes, 'HS384')],
    ['one that has expired', () => sign({ sub: 'u1', exp: now - 1 })],
    ['one that is not valid yet', () => sign({ sub: 'u1', nbf: now + 60 })],
    ['one without sub', () => sign({})],
    ['one with an app that is none', () => sign({ sub: 'u1', app: 'a/b' })],
    ['one with a label that is a number', () => sign({ sub: 'u1', labels: { a: 1 } })],
    ['one with a list of labels', () => sign({ sub: 'u1', labels: ['a'] })],
    ['one with a text as labels', () => sign({ sub: 'u1', labels: 'a' })],
    ['one with a colon in a label', () => sign({ sub: 'u1', labels: { 'a:b': 'c' } })],
    ['one with rooms that are no list', () => sign({ sub: 'u1', rooms: 'live:*' })],
    ['one with a room that is none', () => sign({ sub: 'u1', rooms: ['a b'] })],
    ['one with too many rooms', () => sign({ sub: 'u1', rooms: Array.from({ length: 101 }, (_, i) => `r${i}`) })],
    ['one with a device that is none', () => sign({ sub: 'u1', device: 7 })],
    ['one with an id that is no text', () => sign({ sub: 'u1', jti: 7 as unknown as string })],
    ['one with a line break in its id', () => sign({ sub: 'u1', jti: 'a\nb' })],
    ['one with an id without end', () => sign({ sub: 'u1', jti: 'x'.repeat(257) })],
    ['one that is too long', () => sign({ sub: 'u1', filler: 'x'.repeat(8_192) })],
    [
      'one that calls critical what is not known',
      () =>
        new SignJWT({ sub: 'u1' })
          .setProtectedHeader({ alg: 'HS256', crit: ['exp'], exp: 1 })
          .sign(bytes, { crit: { exp: true } }),
    ],
  ])('refuses %s', async (_name, token) => {
    await expect(judge(await token())).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('refuses one whose payload was changed', async () => {
    const [header, , signature] = (await sign({ sub: 'u1' })).split('.');
    const payload = Buffer.from('{"sub":"root"}').toString('base64url');
    await expect(judge(`${header}.${payload}.${signature}`)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('refuses a sub that is no name', async () => {
    await expect(judge(await sign({ sub: 'a b' }))).rejects.toMatchObject({ code: 'bad_name' });
  });

  it('believes what was signed with any of several secrets, so that they can be changed', async () => {
    const next = `${secret}, the next`;
    const several = new JwtAuthenticator({ key: { secrets: [next, secret] } }, clock);
    for (const key of [secret, next]) {
      const token = await sign({ sub: 'u1' }, new TextEncoder().encode(key));
      expect(await several.identify({ token })).toMatchObject({ user: 'u1' });
    }
    const other = await sign({ sub: 'u1' }, new TextEncoder().encode(`${secret}!`));
    await expect(several.identify({ token: other })).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('forgives clocks that differ a little, and ends the session as late', async () => {
    const kind = new JwtAuthenticator({ key: { secrets: [secret] }, clockSkewMs: 5_000 }, clock);
    const token = await sign({ sub: 'u1', exp: now - 4, nbf: now + 4 });
    expect(await kind.identify({ token })).toMatchObject({ expiresAtMs: (now + 1) * 1_000 });
    for (const claims of [{ exp: now - 6 }, { nbf: now + 6 }]) {
      const late = await sign({ sub: 'u1', ...claims });
      await expect(kind.identify({ token: late })).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('keeps numbers that JSON can say', async () => {
    const { expiresAtMs } = await judge(await sign({ sub: 'u1', exp: 1e307 }));
    expect(JSON.parse(JSON.stringify({ expiresAtMs }))).toEqual({ expiresAtMs: Number.MAX_SAFE_INTEGER });
  });

  it('asks for issuer and audience when told to', async () => {
    const strict = new JwtAuthenticator({ key: { secrets: [secret] }, issuer: 'me', audience: 'skylark' }, clock);
    const right = await sign({ sub: 'u1', iss: 'me', aud: 'skylark' });
    expect(await strict.identify({ token: right })).toMatchObject({ user: 'u1' });
    for (const claims of [{ iss: 'me' }, { aud: 'skylark' }, { iss: 'you', aud: 'skylark' }]) {
      const token = await sign({ sub: 'u1', ...claims });
      await expect(strict.identify({ token })).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('takes the published keys of an issuer, never their public half as a secret', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256' };
    const published = new JwtAuthenticator({ key: { jwks: createLocalJWKSet({ keys: [jwk] }) } }, clock);
    const token = await new SignJWT({ sub: 'u1' }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    expect(await published.identify({ token })).toMatchObject({ user: 'u1' });
    const forged = await sign({ sub: 'u1' }, new TextEncoder().encode(JSON.stringify(jwk)));
    await expect(published.identify({ token: forged })).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('does not blame the token when the keys cannot be had', async () => {
    const away = new JwtAuthenticator({ key: { jwks: () => Promise.reject(new TypeError('fetch failed')) } }, clock);
    await expect(away.identify({ token: await sign({ sub: 'u1' }, bytes, 'HS256') })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    const { privateKey } = await generateKeyPair('ES256');
    const token = await new SignJWT({ sub: 'u1' }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    await expect(away.identify({ token })).rejects.toThrow('fetch failed');
  });
});
