import { CodedError, type ClientPacket } from '@app/protocol';
import type { Session } from '../session/session.js';

/** Answers the request with `data`; nothing happens when it had no `ref`. */
export type Reply = (data?: unknown) => void;

/** Does what a client's packet asks. What it throws is answered as an error, a CodedError by its code. */
export type Handler = (session: Session, packet: ClientPacket, reply: Reply) => void | Promise<void>;

/** The data of a packet that takes an object. @throws CodedError */
export function fieldsOf(packet: ClientPacket): Readonly<Record<string, unknown>> {
  const { data } = packet;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new CodedError('invalid_body', `packets of type ${packet.type} have an object as data`);
  }
  return data as Record<string, unknown>;
}
