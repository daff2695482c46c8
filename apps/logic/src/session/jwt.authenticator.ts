import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { CodedError, Limits, badName, isAppId, normalName } from '@app/protocol';
import type { Clock } from '@app/runtime';
import { Authenticator, type Credentials, type Identity } from './authenticator.js';

export interface JwtRules {
  /** HS256 (RFC 7518 §3.2), or the keys of an issuer. */
  key: { secret: string } | { jwks: JWTVerifyGetKey };
  issuer?: string;
  audience?: string;
}

/** Keys that an issuer publishes: fetched when first needed, again when a token names an unknown one. */
export const publishedKeys = (url: string): JWTVerifyGetKey => createRemoteJWKSet(new URL(url));

/**
 * Believes a JWT (RFC 7519): `sub` is the user; `app` and `labels` (an object of strings) are taken when there. `user` of
 * the query means nothing. Only signed tokens of the algorithms expected here are read, so never `none`.
 */
export class JwtAuthenticator extends Authenticator {
  private readonly secret: Uint8Array | undefined;

  constructor(
    private readonly rules: JwtRules,
    private readonly clock: Clock,
  ) {
    super();
    this.secret = 'secret' in rules.key ? new TextEncoder().encode(rules.key.secret) : undefined;
  }

  async identify({ token }: Credentials): Promise<Identity> {
    if (token === undefined || token === '') throw refused('a token is needed');
    const claims = await this.verify(token);
    const user = normalName(claims.sub);
    if (claims.sub === undefined) throw refused('the token names no user (sub)');
    if (user === undefined) throw new CodedError('bad_name', `sub of the token: ${badName}`);
    return { user, ...appOf(claims), labels: labelsOf(claims), expiresAtMs: (claims.exp ?? 0) * 1_000 };
  }

  private async verify(token: string): Promise<JWTPayload> {
    const { issuer, audience, key } = this.rules;
    const expected = { issuer, audience, currentDate: new Date(this.clock.now()) };
    try {
      const { payload } =
        this.secret === undefined
          ? await jwtVerify(token, (key as { jwks: JWTVerifyGetKey }).jwks, { ...expected, algorithms: published })
          : await jwtVerify(token, this.secret, { ...expected, algorithms: ['HS256'] });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused('the token has expired');
      if (faults.some((fault) => error instanceof fault))
        throw refused(`the token is not valid: ${(error as Error).message}`);
      throw error;
    }
  }
}

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
