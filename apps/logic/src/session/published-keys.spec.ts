import { createHmac } from 'node:crypto';
import { exportSPKI, importJWK, type CryptoKey } from 'jose';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { TokenIssuer, type Mood } from '../../../../test/support/token-issuer.js';
import { JwtAuthenticator } from './jwt.authenticator.js';
import { PublishedKeys } from './published-keys.js';

const maxAgeMs = 600_000;
const coolDownMs = 5_000;

describe('published keys', () => {
  let issuer: TokenIssuer;
  let clock: ManualClock;
  let keys: PublishedKeys;
  let authenticator: JwtAuthenticator;
  beforeEach(async () => {
    issuer = await TokenIssuer.start();
    clock = new ManualClock(1_700_000_000_000);
    keys = new PublishedKeys({ url: issuer.url, maxAgeMs, coolDownMs }, clock, silentLog, new Metrics());
    authenticator = new JwtAuthenticator({ key: { jwks: keys.get } }, clock);
  });
  afterEach(() => issuer.close());

  const outcome = async (token: string | Promise<string>) =>
    authenticator.identify({ token: await token }).then(
      ({ user }) => user,
      ({ code, message }: { code?: string; message: string }) => code ?? message,
    );

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('verify %s, and are read once', async (alg) => {
    await issuer.add('k1', alg);
    const token = await issuer.sign('k1', { sub: 'ann' });
    expect(await Promise.all([outcome(token), outcome(token), outcome(token)])).toEqual(['ann', 'ann', 'ann']);
    expect(await outcome(token)).toBe('ann');
    expect(issuer.asked).toBe(1);
  });

  it('are read again when a token names a new one, at most once in the cool-down', async () => {
    await issuer.add('k1');
    expect(await outcome(issuer.sign('k1', { sub: 'ann' }))).toBe('ann');
    await issuer.add('k2');
    const token = await issuer.sign('k2', { sub: 'ann' });
    clock.advance(1_000);
    // They were read before this token came: it may be right.
    expect(await outcome(token)).toBe('auth_unavailable');
    expect(issuer.asked).toBe(1);
    clock.advance(coolDownMs);
    expect(await outcome(token)).toBe('ann');
    expect(issuer.asked).toBe(2);
  });

  it('refuse a token of an unknown key once they were read after it came', async () => {
    await issuer.add('k1');
    await issuer.add('gone');
    issuer.withdraw('gone');
    const token = await issuer.sign('gone', { sub: 'ann' });
    expect(await outcome(token)).toBe('unauthenticated');
    clock.advance(1);
    for (let i = 0; i < 100; i += 1) expect(await outcome(token)).toBe('auth_unavailable');
    expect(issuer.asked).toBe(1);
    clock.advance(coolDownMs);
    expect(await outcome(token)).toBe('unauthenticated');
    expect(issuer.asked).toBe(2);
  });

  it('are forgotten within their age once they are withdrawn', async () => {
    await issuer.add('k1');
    const token = await issuer.sign('k1', { sub: 'ann' });
    expect(await outcome(token)).toBe('ann');
    issuer.withdraw('k1');
    clock.advance(maxAgeMs - 1);
    expect(await outcome(token)).toBe('ann');
    clock.advance(1);
    expect(await outcome(token)).toBe('unauthenticated');
  });

  it.each<Mood>(['error', 'redirect', 'garbage', 'endless'])(
    'that are known go on working, however old, while the issuer answers with %s; of others nobody can say',
    async (mood) => {
      await issuer.add('k1');
      await issuer.add('k2');
      issuer.withdraw('k2');
      const known = await issuer.sign('k1', { sub: 'ann' });
      expect(await outcome(known)).toBe('ann');
      issuer.mood = mood;
      clock.advance(100 * maxAgeMs);
      expect(await outcome(known)).toBe('ann');
      expect(keys.problem()).toMatch(/^keys of the token issuer: /);
      expect(await outcome(issuer.sign('k2', { sub: 'ann' }))).toBe('auth_unavailable');
      expect(issuer.asked).toBe(2);
      issuer.mood = 'well';
      clock.advance(coolDownMs);
      expect(await outcome(issuer.sign('k2', { sub: 'ann' }))).toBe('unauthenticated');
      expect(keys.problem()).toBeUndefined();
    },
  );

  it('that were never read blame no token', async () => {
    await issuer.add('k1');
    issuer.mood = 'error';
    const token = await issuer.sign('k1', { sub: 'ann' });
    expect(await outcome(token)).toBe('auth_unavailable');
    await issuer.close();
    clock.advance(coolDownMs);
    expect(await outcome(token)).toBe('auth_unavailable');
  });

  it('take a token that names none when one of several fits', async () => {
    await issuer.add('k1', 'ES256', true);
    await issuer.add('k2', 'ES256', true);
    await issuer.add('k3', 'ES256', true);
    expect(await outcome(issuer.sign('k3', { sub: 'ann' }, false))).toBe('ann');
    issuer.withdraw('k3');
    clock.advance(maxAgeMs);
    expect(await outcome(issuer.sign('k3', { sub: 'ann' }, false))).toBe('unauthenticated');
  });

  it('are never a secret: not as JWK, not as PEM, whatever the token says', async () => {
    await issuer.add('k1', 'RS256');
    expect(await outcome(issuer.sign('k1', { sub: 'ann' }))).toBe('ann');
    const jwk = issuer.jwk('k1');
    const pem = await exportSPKI((await importJWK(jwk, 'RS256')) as CryptoKey);
    for (const alg of ['HS256', 'HS384', 'HS512', 'none', 'RS256']) {
      for (const secret of [JSON.stringify(jwk), pem, jwk.n!, '']) {
        const body = [{ alg, kid: 'k1' }, { sub: 'root' }]
          .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
          .join('.');
        const signature = alg === 'none' ? '' : createHmac('sha256', secret).update(body).digest('base64url');
        expect(await outcome(`${body}.${signature}`)).toBe('unauthenticated');
      }
    }
  });

  it('never come from the token itself', async () => {
    await issuer.add('k1');
    await issuer.add('mine');
    issuer.withdraw('mine');
    const [, payload, signature] = (await issuer.sign('mine', { sub: 'root' })).split('.');
    const header = {
      alg: 'ES256',
      kid: 'k1',
      jwk: issuer.jwk('k1'),
      jku: 'http://127.0.0.1:1/',
      x5u: 'http://127.0.0.1:1/',
    };
    const head = Buffer.from(JSON.stringify(header)).toString('base64url');
    expect(await outcome(`${head}.${payload}.${signature}`)).toBe('unauthenticated');
  });
});
