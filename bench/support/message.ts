import { newMessageId } from '@app/protocol';
import { bodyCodec, Encoding, type Delivery } from '@app/protocol/wires';

/** The one room and the type of what is pushed to it. */
export const room = 'bench';
export const messageType = 1000;

/** How every pushed frame begins, whoever encodes it; the number of the message follows at once, in `digits` digits. */
export const framePrefix = `{"type":${messageType},"data":"`;
export const digits = 10;

/** JSON text of `bytes` bytes that begins with the number of the message. */
const payload = (number: number, bytes: number): Buffer =>
  Buffer.from(
    `"${String(number)
      .padStart(digits, '0')
      .padEnd(bytes - 2, 'x')}"`,
  );

/** What job hands to a gateway for one push to the room. `prev` is the offset before it. */
export const delivery = (number: number, offset: number, prev: number, bytes: number): Delivery => ({
  offset,
  steps: [{ channel: `room:${room}`, devices: [], prev }],
  body: bodyCodec.encode({
    id: newMessageId(),
    type: messageType,
    encoding: Encoding.json,
    payload: payload(number, bytes),
    acceptedAtMs: Date.now(),
    expiresAtMs: 0,
    traceparent: '',
    excludeUsers: [],
    excludeConnections: [],
    match: '',
    variants: [],
  }),
  app: 'default',
  rate: 0,
});
