import type { RevokedTokens } from '@app/registry';
import type { Admitted } from '@app/rpc';
import type { Clock } from '@app/runtime';
import { RightsBook } from '../session/room-rights.js';
import type { Identity, Session } from '../session/session.js';
import type { TokenRooms } from './token-rooms.js';

export const tokenRevoked = 'the token was revoked';

/** What a token is to its session: how long it lasts, which rooms it allows, whether it was revoked. */
export class SessionTokens {
  private readonly rights = new RightsBook();

  constructor(
    private readonly revoked: Pick<RevokedTokens, 'has'>,
    private readonly rooms: Pick<TokenRooms, 'leaveOthers'>,
    private readonly clock: Clock,
    private readonly warningMs: number,
  ) {}

  identityOf(admitted: Admitted): Identity {
    const { app, user, device, connSeq = 0, expiresAtMs, token } = admitted;
    return {
      app,
      user,
      device,
      connSeq,
      expiresAtMs,
      token: token && { id: token.id, issuedAtMs: token.issuedAtMs },
      rights: this.rights.of(admitted.roomPolicies, admitted.allowedRooms),
    };
  }

  /** For a session that has become somebody. True: its token was revoked since logic looked at it. */
  begin(session: Session): boolean {
    session.warnBeforeMs = this.warnBefore(session.expiresAtMs);
    return this.isRevoked(session.app, session.user, session.token);
  }

  /** Takes a new token of the same user; rooms that it does not allow are left. True: it was revoked, and nothing changes. */
  renew(session: Session, admitted: Admitted): boolean {
    const { expiresAtMs, token, rights } = this.identityOf(admitted);
    if (this.isRevoked(session.app, session.user, token ?? null)) return true;
    session.expiresAtMs = expiresAtMs;
    session.warnBeforeMs = this.warnBefore(expiresAtMs);
    session.token = token ?? null;
    session.rights = rights ?? null;
    this.rooms.leaveOthers(session);
    return false;
  }

  private isRevoked(app: string, user: string | undefined, token: Session['token']): boolean {
    return token !== null && this.revoked.has({ app, user, ...token });
  }

  /** Of a short life a third at most, so that who renews at each warning is not warned all the time. */
  private warnBefore(expiresAtMs: number): number {
    if (expiresAtMs === 0 || this.warningMs === 0) return 0;
    const leftMs = Math.max(0, expiresAtMs - this.clock.now());
    return Math.ceil(Math.min(this.warningMs, leftMs / 3));
  }
}
