import { newMessageId } from '@app/protocol';
import { bodyCodec, Encoding, type Delivery } from '@app/protocol/wires';

/** Where the load clients are: rooms `bench-0` …, each client in some of them. */
export interface Layout {
  rooms: number;
  roomsEach: number;
}

/** Each room by its number; a client's rooms lie as far from each other as they can. */
export const roomsOf = (client: number, { rooms, roomsEach }: Layout): number[] =>
  Array.from({ length: roomsEach }, (_, i) => (client + Math.floor((i * rooms) / roomsEach)) % rooms);

export const roomName = (room: number, prefix = 'bench'): string => `${prefix}-${room}`;

/** The type of what is pushed. */
export const messageType = 1000;

/** How every pushed frame begins, whoever encodes it; the number of the message and that of its room follow. */
export const framePrefix = `{"type":${messageType},"data":"`;
/** What socket.io puts before it: an event of that name. */
export const socketIoLead = '42["push",';
export const numberDigits = 10;
export const roomDigits = 4;

/** Of a payload, its quotes included. */
export const payloadBytes = 100;
export const padding = 'x'.repeat(payloadBytes - 2 - numberDigits - roomDigits);

/** What is pushed: the number of the message in its room, the room, and something that fills it up. */
export const text = (number: number, room: number): string =>
  String(number).padStart(numberDigits, '0') + String(room).padStart(roomDigits, '0') + padding;

/** What job hands to a gateway for one push to a room. `prev` is the offset before it. */
export const delivery = (number: number, room: number, offset: number, prev: number): Delivery => ({
  offset,
  steps: [{ channel: `room:${roomName(room)}`, devices: [], prev }],
  body: bodyCodec.encode({
    id: newMessageId(),
    type: messageType,
    encoding: Encoding.json,
    payload: Buffer.from(JSON.stringify(text(number, room))),
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
