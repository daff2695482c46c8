import { CodedError } from '@app/protocol';
import { Encoding } from '@app/protocol/wires';
import type { Message } from './push.dto.js';

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
