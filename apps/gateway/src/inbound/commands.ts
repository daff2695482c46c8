import { setImmediate } from 'node:timers/promises';
import {
  CloseCode,
  CodedError,
  encodePacket,
  PacketType,
  roomChannel,
  roomOfChannel,
  userChannel,
  type Channel,
  type Joined,
} from '@app/protocol';
import type { Kick, LabelChange, LabelsChanged, MemberOutcome, RoomChange, RoomChanged } from '@app/rpc';
import type { ChannelTable } from '../room/channel-table.js';
import { textFrame } from '../session/frame.js';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { SessionTable } from '../session/session-table.js';
import type { JoinLeave } from './join-leave.js';
import { labelsAfter } from './label.js';

/** How many are changed before others have their turn. */
const atOnce = 100;

/** What logic has done to connections of this gateway. Who is not here is answered `gone`, which is no error. */
export class Commands {
  constructor(
    private readonly sessions: SessionTable,
    private readonly channels: ChannelTable,
    private readonly rooms: JoinLeave,
    private readonly outboxes: Outboxes,
  ) {}

  /** The clients are told by 108 or 109, before any message of the room. */
  async changeRooms({ app, room, action, connections, users }: RoomChange): Promise<RoomChanged> {
    const channel = roomChannel(room);
    const change = async (session: Session, lasts: boolean): Promise<MemberOutcome> =>
      action === 'join' ? this.putInto(session, channel, lasts) : this.takeOutOf(session, channel, lasts);
    const ofConnection = async (id: string): Promise<MemberOutcome> => {
      const session = this.sessions.find(id);
      return session && isMember(session, app) ? change(session, false) : 'gone';
    };
    const ofUser = async (user: string): Promise<MemberOutcome> => {
      const members = this.channels.get(app, userChannel(user))?.members.filter((member) => isMember(member, app));
      return together(await Promise.all((members ?? []).map((session) => change(session, true))));
    };
    const byConnection = await inGroups(connections, ofConnection);
    const byUser = await inGroups(users, ofUser);
    return { connections: byConnection, users: byUser };
  }

  /** The ids of those that were here; in groups, because each costs a write and a farewell. */
  async kick({ connections, users = [], app, why, reason }: Kick): Promise<{ kicked: string[] }> {
    const ofUsers = users.flatMap((user) => this.channels.get(app ?? '', userChannel(user))?.members ?? []);
    const asked = [...connections.flatMap((id) => this.sessions.find(id) ?? []), ...ofUsers];
    const kicked: string[] = [];
    const code = CloseCode[why];
    for (const session of new Set(asked)) {
      if (isGone(session) || (app !== undefined && session.app !== app)) continue;
      this.outboxes.close(session, code, reason === '' ? code.reason : reason);
      kicked.push(this.sessions.connectionIdOf(session));
      if (kicked.length % atOnce === 0) await setImmediate();
    }
    return { kicked };
  }

  /** As frame 105 does it: all of it or, when anything is wrong, nothing. */
  changeLabels({ app, connection, set, unset }: LabelChange): LabelsChanged {
    const session = this.sessions.find(connection);
    if (!session || !isMember(session, app)) return { result: 'gone' };
    try {
      const labels = labelsAfter(session.labels, set, unset);
      this.channels.alter(session, () => (session.labels = labels));
      return { result: 'changed', labels: { ...labels } };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return { result: 'refused', code: error.code as 'bad_name', message: error.message };
    }
  }

  /**
   * `lasts`: because its user is to stay there, not this connection alone. Whoever asks while it is on its way in is answered
   * with it. Noted as lasting only if it came in, so that another comparison with the registry finds what failed.
   * @throws CodedError `timeout` as {@link JoinLeave.join} does
   */
  async putInto(session: Session, channel: Channel, lasts: boolean): Promise<MemberOutcome> {
    const wasByApi = session.byApi?.has(channel) ?? false;
    const wasIn = this.rooms.isIn(session, channel);
    (session.byApi ??= new Set()).add(channel);
    if (lasts) (session.lasting ??= new Set()).add(channel);
    try {
      const outcome = await this.rooms.join(session, channel, undefined, (state) => {
        if (state && !wasIn)
          this.tell(session, PacketType.joined, { room: roomOfChannel(channel), by: 'api', ...state } satisfies Joined);
      });
      if (outcome === 'full' && !wasByApi) session.byApi.delete(channel);
      return isGone(session) ? 'gone' : outcome;
    } catch (error) {
      session.lasting?.delete(channel);
      throw error;
    }
  }

  takeOutOf(session: Session, channel: Channel, lasts: boolean): MemberOutcome {
    if (lasts) session.lasting?.delete(channel);
    if (!this.rooms.leave(session, channel)) return 'absent';
    // The welcome of one that arrives will not list the room.
    if (session.state === 'live') this.tell(session, PacketType.left, { room: roomOfChannel(channel), by: 'api' });
    return 'left';
  }

  private tell(session: Session, type: number, data: object): void {
    this.outboxes.push(session, textFrame(encodePacket(type, data)));
  }
}

/** What `change` answers for each, in order. */
async function inGroups<T>(names: readonly string[], change: (name: string) => Promise<T>): Promise<T[]> {
  const outcomes: T[] = [];
  for (let at = 0; at < names.length; at += atOnce) {
    if (at > 0) await setImmediate();
    outcomes.push(...(await Promise.all(names.slice(at, at + atOnce).map(change))));
  }
  return outcomes;
}

/** Somebody who is in: who has not shown a token yet is nobody. */
const isMember = (session: Session, app: string): boolean =>
  session.app === app && (session.state === 'live' || session.state === 'arriving');

const isGone = (session: Session): boolean => session.state === 'closed';

/** Of a user's connections together: what changed anything counts, then what stood in the way. */
function together(outcomes: readonly MemberOutcome[]): MemberOutcome {
  const order: MemberOutcome[] = ['joined', 'left', 'full', 'already', 'absent'];
  return order.find((outcome) => outcomes.includes(outcome)) ?? 'gone';
}
