import { encodePacket, PacketType, type Channel } from '@app/protocol';
import type { ChannelTable } from '../room/channel-table.js';
import { textFrame } from '../session/frame.js';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';

const room = 'room:';

/** Takes sessions out of rooms that a new token does not allow any more. */
export class TokenRooms {
  constructor(
    private readonly channels: Pick<ChannelTable, 'channelsOf'>,
    private readonly leave: (session: Session, channel: Channel) => boolean,
    private readonly outboxes: Outboxes,
  ) {}

  /** The client is told by 109. Rooms that REST put it into stay, and those of which the webhook said yes. */
  leaveOthers(session: Session): void {
    const { rights, byApi } = session;
    if (rights === null) return;
    for (const { channel } of this.channels.channelsOf(session)) {
      if (!channel.startsWith(room) || byApi?.has(channel)) continue;
      const name = channel.slice(room.length);
      if (typeof rights.judge(name) !== 'object' || !this.leave(session, channel)) continue;
      this.outboxes.push(session, textFrame(encodePacket(PacketType.left, { room: name, by: 'token' })));
    }
  }
}
