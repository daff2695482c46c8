import type { Log } from '@app/runtime';
import type { ChannelTable } from '../room/channel-table.js';
import type { Session } from '../session/session.js';
import type { Outboxes } from '../session/outboxes.js';
import type { SessionTable } from '../session/session-table.js';
import type { DeviceClaims } from '../upstream/device-claims.js';
import type { UserPlaces } from '../upstream/user-places.js';

/** The end of a session: it leaves its channels (the registry hears of those that are empty now), its device, its slot. */
export class Farewell {
  constructor(
    private readonly sessions: SessionTable,
    private readonly channels: ChannelTable,
    private readonly outboxes: Outboxes,
    private readonly devices: Pick<DeviceClaims, 'release'>,
    private readonly places: Pick<UserPlaces, 'release'>,
    private readonly log: Log,
  ) {}

  /** Once per session, when its socket is gone. */
  of(session: Session, code: number): void {
    session.state = 'closed';
    this.outboxes.drop(session);
    for (const channel of this.channels.channelsOf(session)) this.channels.leave(session, channel);
    session.held = null;
    this.devices.release(session);
    this.places.release(session);
    this.sessions.remove(session);
    if (!this.log.isLevelEnabled('debug')) return;
    const { user } = session;
    this.log.debug({ session: this.sessions.connectionIdOf(session), user, code }, 'session closed');
  }
}
