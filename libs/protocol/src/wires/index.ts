/**
 * What processes say to each other and what waits on the bus: `libs/protocol/proto/inner-wires.proto`, typed.
 * A door of its own, because clients never see these.
 */
import { isAppId, parseChannel } from '../channel.js';
import type { Body, DeliveryAck, PushRecord } from './messages.js';
import { skylark } from './wires.generated.js';

export { deliveryBatchCodec } from './delivery-batch.js';
export * from './messages.js';

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

const v1 = (skylark as { v1: Record<string, unknown> }).v1;

/** Encode to bytes and decode back; `decode` throws on bytes that are no such message. */
function codec<T>(name: string) {
  const type = v1[name] as Codec<T>;
  return {
    encode: (message: T): Buffer => type.encode(message).finish() as Buffer,
    decode: (bytes: Uint8Array): T => type.decode(bytes),
  };
}

export const bodyCodec = codec<Body>('Body');
export const recordCodec = codec<PushRecord>('Record');
export const deliveryAckCodec = codec<DeliveryAck>('DeliveryAck');

/** An error for what is no record, or lacks what every record has. Fields of later versions are no harm. */
export function readRecord(bytes: Uint8Array): PushRecord | Error {
  try {
    const record = recordCodec.decode(bytes);
    const { app, id, targets, body } = record;
    const isWhole = isAppId(app) && id !== '' && body.length > 0 && targets.length > 0;
    if (isWhole && targets.every(({ channel }) => parseChannel(channel))) return record;
    return new Error('it lacks an app, an id, a body or a channel');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
