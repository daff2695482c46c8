/** A whole WebSocket frame as it goes to the socket: FIN, text, unmasked (RFC 6455 §5.2). */
export type Frame = Buffer;

const finText = 0x81;

/** Frames a text of UTF-8 with the 2-, 4- or 10-byte header of a server. */
export function textFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerBytes(length) + length);
  frame.write(text, writeHeader(frame, length), 'utf8');
  return frame;
}

function headerBytes(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

function writeHeader(frame: Buffer, length: number): number {
  frame[0] = finText;
  if (length < 126) {
    frame[1] = length;
    return 2;
  }
  if (length < 65_536) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
    return 4;
  }
  frame[1] = 127;
  frame.writeBigUInt64BE(BigInt(length), 2);
  return 10;
}
