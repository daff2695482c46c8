import { encodePacket, PacketType, type PresenceLost } from '@app/protocol';
import type { NodeRef } from '@app/registry';
import { textFrame } from '../session/frame.js';
import type { Outboxes } from '../session/outboxes.js';
import type { RoomPresence } from './room-presence.js';

/** Tells members of rooms with presence that are here what this gateway alone knows to be missing (122). */
export class PresenceLosses {
  constructor(
    private readonly presence: Pick<RoomPresence, 'here'>,
    private readonly outboxes: Outboxes,
  ) {}

  /** Another gateway is gone, and nobody says of its clients that they left. */
  gatewayLost(ref: NodeRef): void {
    this.tell({ connections: `${ref}~` });
  }

  /** This gateway was gone for the others: what they told meanwhile may have passed it by. */
  returned(): void {
    this.tell({});
  }

  private tell(what: Omit<PresenceLost, 'room'>): void {
    for (const { room, members } of this.presence.here()) {
      const frame = textFrame(encodePacket(PacketType.presenceLost, { room, ...what } satisfies PresenceLost));
      // Backwards, because who is slow may be closed and leave.
      for (let i = members.length - 1; i >= 0; i -= 1) {
        const session = members[i]!;
        if (session.state !== 'live' || session.types?.includes(PacketType.presenceLost) === false) continue;
        this.outboxes.push(session, frame);
      }
    }
  }
}
