import { encodePacket, PacketType } from '@app/protocol';
import type { Clock } from '@app/runtime';
import { textFrame } from './frame.js';
import type { Outboxes } from './outboxes.js';
import type { Session } from './session.js';

/** 111: the token ends soon; a new one by 107 keeps the connection. */
export const expiring =
  (outboxes: Outboxes, clock: Clock) =>
  (session: Session): void => {
    const { expiresAtMs } = session;
    const inMs = Math.max(0, expiresAtMs - clock.now());
    outboxes.push(session, textFrame(encodePacket(PacketType.expiring, { expiresAt: expiresAtMs, inMs })));
  };
