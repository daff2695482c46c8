import { CloseCode } from '@app/protocol';
import type { ConnectionQuota, Metrics } from '@app/runtime';
import { backOff } from '../session/frame-limits.js';
import type { Session } from '../session/session.js';

/** Seconds after which a user with too many connections may try again. */
const backOffSeconds = 10;

/** How many connections a user may have, over all gateways. */
export class UserPlaces {
  private readonly holders = new WeakSet<Session>();

  constructor(
    private readonly quota: ConnectionQuota,
    private readonly metrics: Metrics,
  ) {}

  /** Whether nobody has to be asked about this session. */
  isFree({ user }: Session): boolean {
    return user === undefined || this.quota.isOff;
  }

  /** Takes a place for as long as the session lives; false when there is none and it is being closed (4429), or it is over. */
  async take(session: Session): Promise<boolean> {
    const isIn = await this.quota.enter(keyOf(session));
    if (isIn && session.state !== 'closed') {
      this.holders.add(session);
      return true;
    }
    if (isIn) this.quota.leave(keyOf(session));
    else {
      this.metrics.limited.inc({ limit: 'connections_user' });
      session.close(CloseCode.rateLimited, backOff('this user has too many connections', backOffSeconds));
    }
    return false;
  }

  /** Once per session, when it is over. */
  release(session: Session): void {
    if (this.holders.delete(session)) this.quota.leave(keyOf(session));
  }
}

const keyOf = ({ app, user }: Session): string => `${app}/${user}`;
