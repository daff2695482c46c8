import { CloseCode, userChannel } from '@app/protocol';
import type { Revocation, RevokedTokens } from '@app/registry';
import type { Log, Metrics } from '@app/runtime';
import type { ChannelTable } from '../room/channel-table.js';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { SessionTable } from '../session/session-table.js';
import { tokenRevoked } from './session-tokens.js';

/** Closes the sessions whose tokens were revoked (4401). */
export class Revoker {
  private readonly closed;

  constructor(
    private readonly sessions: SessionTable,
    private readonly channels: ChannelTable,
    private readonly outboxes: Outboxes,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.closed = metrics.counter(
      'skylark_gateway_revoked_total',
      'Connections closed because their token was revoked',
    );
  }

  /** `revocations` are new; `revoked` knows them already. */
  close(revocations: readonly Revocation[], revoked: Pick<RevokedTokens, 'has'>): void {
    let closed = 0;
    for (const session of this.candidates(revocations)) {
      if (session.token === null || session.state === 'closed') continue;
      if (!revoked.has({ app: session.app, user: session.user, ...session.token })) continue;
      this.outboxes.close(session, CloseCode.unauthenticated, tokenRevoked);
      closed += 1;
    }
    this.closed.inc(closed);
    if (closed > 0) this.log.info({ revocations: revocations.length, closed }, 'connections of revoked tokens closed');
  }

  /** Users have their channel; who shows which token id is in no index, and looked at once for all. */
  private candidates(revocations: readonly Revocation[]): Iterable<Session> {
    if (revocations.some(({ kind }) => kind === 'token')) return [...this.sessions];
    const found = new Set<Session>();
    for (const revocation of revocations) {
      if (revocation.kind !== 'user') continue;
      const members = this.channels.get(revocation.app, userChannel(revocation.user))?.members ?? [];
      for (const session of members) found.add(session);
    }
    return found;
  }
}
