import { CodedError } from '@app/protocol';
import { Encoding } from '@app/protocol/wires';
import type { Message, Variant as MessageVariant } from './message.dto.js';

export interface Payload {
  encoding: Encoding;
  payload: Buffer;
}

/**
 * The bytes that travel: JSON as text, text and bytes as they are.
 * @throws CodedError payload_too_large over `maxBytes`, invalid_body for JSON too deep to be written.
 */
export function payloadOf(message: Pick<Message, 'data' | 'text' | 'base64'>, maxBytes: number): Payload {
  const coded = code(message);
  const bytes = coded.payload.length;
  if (bytes > maxBytes)
    throw new CodedError('payload_too_large', `The payload has ${bytes} bytes; ${maxBytes} is the most.`);
  return coded;
}

/** A record, with all that stands beside its payloads, stays under 512 KiB. */
const maxBytesTogether = 256 * 1024;

/** @throws CodedError as {@link payloadOf}, and when a push holds too much together. */
export function variantsOf(
  variants: readonly MessageVariant[],
  payload: Payload,
  maxBytes: number,
): (Payload & { match: string })[] {
  const coded = variants.map((variant) => ({ match: variant.match, ...payloadOf(variant, maxBytes) }));
  const bytes = coded.reduce((sum, variant) => sum + variant.payload.length, payload.payload.length);
  if (coded.length > 0 && bytes > maxBytesTogether) {
    const detail = `The payload and its variants have ${bytes} bytes together; ${maxBytesTogether} is the most.`;
    throw new CodedError('payload_too_large', detail);
  }
  return coded;
}

function code({ data, text, base64 }: Pick<Message, 'data' | 'text' | 'base64'>): Payload {
  if (text !== undefined) return { encoding: Encoding.text, payload: Buffer.from(text) };
  if (base64 !== undefined) return { encoding: Encoding.binary, payload: Buffer.from(base64, 'base64') };
  try {
    return { encoding: Encoding.json, payload: Buffer.from(JSON.stringify(data)) };
  } catch {
    // The parser takes any depth, the writer does not.
    throw new CodedError('invalid_body', '#/data: is nested too deeply');
  }
}
