import {
  badName,
  CodedError,
  normalName,
  parsePosition,
  roomChannel,
  type Channel,
  type ChannelState,
  type Position,
} from '@app/protocol';
import type { Replay } from '../replay/replay.js';
import type { ChannelTable } from '../room/channel-table.js';
import type { FrameLimits } from '../session/frame-limits.js';
import type { Session } from '../session/session.js';
import type { RoomGuard } from './room-guard.js';
import { fieldsOf, type Handler } from './handler.js';

/** In and out of rooms, for clients (101, 102) and for who commands (REST, by RPC). */
export class JoinLeave {
  constructor(
    private readonly replay: Pick<Replay, 'join' | 'forgo'>,
    private readonly channels: ChannelTable,
    private readonly maxRooms: number,
    private readonly limits: Pick<FrameLimits, 'takesJoin'>,
    private readonly guard: Pick<RoomGuard, 'judge' | 'forget'>,
  ) {}

  /** 101: `{"room":"live:1000","since":"<epoch>:<offset>"}`, answered with where the room stands; what was missed follows. */
  readonly joinAsked: Handler = async (session, packet, reply) => {
    if (!this.limits.takesJoin(session)) return;
    const fields = fieldsOf(packet);
    const channel = roomOf(fields.room);
    const since = sinceOf(fields.since);
    if (!this.isIn(session, channel)) {
      const asking = this.guard.judge(session, channel);
      // Who left meanwhile does not come in any more.
      if (asking && !(await asking)) return reply({});
    }
    if ((await this.join(session, channel, since, (state) => reply(state ?? {}))) === 'full') {
      throw new CodedError('too_many_targets', `a connection is in at most ${this.maxRooms} rooms`);
    }
  };

  /** 102: `{"room":"live:1000"}`. Not having been there is no error. */
  readonly leaveAsked: Handler = (session, packet, reply) => {
    this.leave(session, roomOf(fieldsOf(packet).room));
    reply({});
  };

  /**
   * `announce` is called when the room is joined, right before what was missed is sent; who was there already hears it
   * too, who left meanwhile hears of no state.
   */
  async join(
    session: Session,
    channel: Channel,
    since: Position | undefined,
    announce: (state: ChannelState | undefined) => void,
  ): Promise<'joined' | 'already' | 'full'> {
    const isIn = this.isIn(session, channel);
    if (!isIn && session.rooms >= this.maxRooms) return 'full';
    const positions = new Map<Channel, Position>(since && [[channel, since]]);
    await this.replay.join(session, [channel], positions, (states) => announce(states.get(channel)));
    return isIn ? 'already' : 'joined';
  }

  /** False when it was not there. */
  leave(session: Session, channel: Channel): boolean {
    this.replay.forgo(session, channel);
    this.guard.forget(session, channel);
    session.byApi?.delete(channel);
    const local = this.channels.get(session.app, channel);
    return local !== undefined && this.channels.leave(session, local);
  }

  isIn(session: Session, channel: Channel): boolean {
    const local = this.channels.get(session.app, channel);
    return local !== undefined && session.memberships.placeIn(local) >= 0;
  }
}

function roomOf(value: unknown): Channel {
  const room = normalName(value);
  if (room === undefined) throw new CodedError('bad_name', `room: ${badName}`);
  return roomChannel(room);
}

function sinceOf(value: unknown): Position | undefined {
  if (value === undefined) return undefined;
  const position = typeof value === 'string' ? parsePosition(value) : undefined;
  if (!position) throw new CodedError('invalid_body', 'since: <epoch>:<offset>, as a welcome or a reply told it');
  return position;
}
