import { CodedError, normalName } from '@app/protocol';
import type { Revocation, RevocationList, RevokedTokens } from '@app/registry';
import type { Clock } from '@app/runtime';
import type { Gateways } from '../node/gateways.js';
import type { Revoked, RevokeBody } from './token.dto.js';

/** Takes tokens back: every process reads the list several times a second. */
export class TokenService {
  constructor(
    private readonly list: RevocationList,
    private readonly revoked: Pick<RevokedTokens, 'follow'>,
    private readonly gateways: Pick<Gateways, 'fromRegistry'>,
    private readonly settings: { authMode: 'open' | 'jwt'; revokedTtlMs: number },
    private readonly clock: Clock,
  ) {}

  /** @throws CodedError timeout when the registry does not answer; unsupported_option where there are no tokens */
  async revoke(app: string, { jti, user, ttlMs = this.settings.revokedTtlMs }: RevokeBody): Promise<Revoked> {
    if (this.settings.authMode === 'open') {
      throw new CodedError('unsupported_option', 'AUTH_MODE=open knows no tokens: there is nothing to revoke.');
    }
    const nowMs = this.clock.now();
    const untilMs = nowMs + ttlMs;
    const name = normalName(user);
    const revocation: Revocation =
      jti === undefined
        ? { kind: 'user', app, user: name!, beforeMs: nowMs, untilMs }
        : { kind: 'token', app, id: jti, untilMs };
    await this.gateways.fromRegistry(this.list.add(revocation));
    await this.revoked.follow();
    return { ...(jti === undefined ? { user: name! } : { jti }), until: new Date(untilMs).toISOString() };
  }
}
