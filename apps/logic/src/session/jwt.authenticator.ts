import { errors, jwtVerify, type CryptoKey, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { CodedError, Limits, NamePatterns, badName, isAppId, normalName } from '@app/protocol';
import type { Clock } from '@app/runtime';
import { Authenticator, type Credentials, type Identity } from './authenticator.js';

export interface JwtRules {
  /** HS256 (RFC 7518 §3.2), each believed; or the keys of an issuer. */
  key: { secrets: readonly string[] } | { jwks: JWTVerifyGetKey };
  issuer?: string;
  audience?: string;
  /** By how much the issuer's clock may differ from ours. */
  clockSkewMs?: number;
}

/**
 * Believes a JWT (RFC 7519): `sub` is the user; `app`, `device`, `labels` (an object of strings) and `rooms` (a list of
 * patterns) are taken when there, `jti` and `iat` are what it may be revoked by. `user` of the query means nothing. Only
 * signed tokens of the algorithms expected here are read, so never `none`, and never a published key as a secret.
 */
export class JwtAuthenticator extends Authenticator {
  private readonly keys: Promise<readonly AnyKey[]>;
  private readonly algorithms: string[];

  constructor(
    private readonly rules: JwtRules,
    private readonly clock: Clock,
  ) {
    super();
    const { key } = rules;
    const isSecret = 'secrets' in key;
    this.keys = isSecret ? Promise.all(key.secrets.map(importSecret)) : Promise.resolve([key.jwks]);
    this.algorithms = isSecret ? ['HS256'] : published;
  }

  async identify({ token }: Credentials): Promise<Identity> {
    if (token === undefined || token === '') throw refused('a token is needed');
    if (token.length > Limits.tokenChars) throw refused(`a token has at most ${Limits.tokenChars} characters`);
    const claims = await this.verify(token);
    const user = normalName(claims.sub);
    if (claims.sub === undefined) throw refused('the token names no user (sub)');
    if (user === undefined) throw new CodedError('bad_name', `sub of the token: ${badName}`);
    const { clockSkewMs = 0 } = this.rules;
    return {
      user,
      ...appOf(claims),
      ...deviceOf(claims),
      ...roomsOf(claims),
      labels: labelsOf(claims),
      expiresAtMs: claims.exp === undefined ? 0 : toMs(claims.exp) + clockSkewMs,
      token: { ...idOf(claims), issuedAtMs: toMs(claims.iat) },
    };
  }

  private async verify(token: string): Promise<JWTPayload> {
    const { issuer, audience, clockSkewMs = 0 } = this.rules;
    const { algorithms } = this;
    const currentDate = new Date(this.clock.now());
    const expected = { issuer, audience, algorithms, currentDate, clockTolerance: clockSkewMs / 1_000 };
    try {
      return await this.withAnyKey(async (key) => {
        const { payload } = await jwtVerify(token, key as JWTVerifyGetKey, expected);
        return payload;
      });
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused('the token has expired');
      if (faults.some((fault) => error instanceof fault))
        throw refused(`the token is not valid: ${(error as Error).message}`);
      throw error;
    }
  }

  private async withAnyKey<T>(verify: (key: AnyKey) => Promise<T>): Promise<T> {
    try {
      return await firstThatFits(await this.keys, verify);
    } catch (error) {
      // The token names no key and the issuer publishes several for its algorithm.
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: CryptoKey[] = [];
      for await (const key of error) keys.push(key);
      return firstThatFits(keys.slice(0, mostTried), verify);
    }
  }
}

type AnyKey = CryptoKey | JWTVerifyGetKey;

/** Once: given as bytes, jose would import it again for each token, a seventh of what a login costs logic. */
const importSecret = (secret: string): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', new TextEncoder().encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);

/** Keys that one token may cost. */
const mostTried = 10;

/** A signature that fits none of several keys is the fault of the token. */
async function firstThatFits<T>(keys: readonly AnyKey[], verify: (key: AnyKey) => Promise<T>): Promise<T> {
  for (const key of keys) {
    try {
      return await verify(key);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** A claim's seconds (RFC 7519 §2) as milliseconds that stay a number in JSON; 0 when it is missing. */
const toMs = (seconds: number | undefined): number =>
  Math.max(-Number.MAX_SAFE_INTEGER, Math.min((seconds ?? 0) * 1_000, Number.MAX_SAFE_INTEGER));

const published = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** What is the token's fault; anything else is ours or the issuer's. */
const faults = [
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
] as const;

function appOf({ app }: JWTPayload): { app?: string } {
  if (app === undefined) return {};
  if (!isAppId(app)) throw refused('the token names an app that is none (app)');
  return { app };
}

function deviceOf({ device }: JWTPayload): { device?: string } {
  if (device === undefined) return {};
  const name = normalName(device);
  if (name === undefined) throw refused(`the token names a device that is none (device): ${badName}`);
  return { device: name };
}

function roomsOf({ rooms }: JWTPayload): { rooms?: NamePatterns } {
  if (rooms === undefined) return {};
  const patterns = Array.isArray(rooms) && rooms.length <= Limits.roomPatterns ? NamePatterns.parse(rooms) : undefined;
  if (!patterns) throw refused(`rooms of the token: a list of at most ${Limits.roomPatterns} names, with * or without`);
  return { rooms: patterns };
}

function idOf({ jti }: JWTPayload): { id?: string } {
  if (jti === undefined) return {};
  if (typeof jti !== 'string' || !isTokenId(jti))
    throw refused('the token has an id that is none (jti): 1–256 characters');
  return { id: jti };
}

/** What a token may be revoked by. */
export const isTokenId = (text: string): boolean => text.length > 0 && text.length <= 256 && !/\p{Cc}/u.test(text);

function labelsOf({ labels }: JWTPayload): Record<string, string> {
  if (labels === undefined) return {};
  const pairs = typeof labels === 'object' && labels !== null ? Object.entries(labels as Record<string, unknown>) : [];
  const named = pairs.map(([key, value]) => [normalName(key), value === '' ? '' : normalName(value)] as const);
  const bad = named.some(([key, value]) => key === undefined || key.includes(':') || value === undefined);
  if (bad || pairs.length > Limits.labelsPerConnection || typeof labels !== 'object' || Array.isArray(labels)) {
    throw refused('the token has labels that are none');
  }
  return Object.fromEntries(named as [string, string][]);
}

const refused = (message: string): CodedError => new CodedError('unauthenticated', message);
