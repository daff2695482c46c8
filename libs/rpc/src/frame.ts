/**
 * One frame of the inner wire: u32 length | flags | u8 id length | id | u8 pattern length | pattern | bytes. The length
 * counts what follows it; the bytes are opaque here.
 */
export interface Frame {
  kind: Kind;
  /** Request and response: which belongs to which. */
  id: string;
  pattern: string;
  bytes: Buffer;
  /** A response: no more follow. */
  last: boolean;
  /** A response that carries no value, which is not the same as one of no bytes. */
  empty: boolean;
}

export const Kind = { request: 0, event: 1, response: 2, error: 3, challenge: 4, proof: 5, welcome: 6 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What was received is no frame of ours; the connection cannot go on. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const lastFlag = 16;
const emptyFlag = 32;
const lengthBytes = 4;
const smallestFrame = 3;

/** All of a frame but its bytes. `bytesLength` must be what is written next. */
export function frameHead(frame: Omit<Frame, 'bytes'>, bytesLength: number): Buffer {
  const idLength = Buffer.byteLength(frame.id, 'latin1');
  const patternLength = Buffer.byteLength(frame.pattern);
  if (idLength > 255 || patternLength > 255) throw new FrameError('an id or pattern is longer than 255 bytes');
  const head = Buffer.allocUnsafe(lengthBytes + smallestFrame + idLength + patternLength);
  head.writeUInt32BE(head.length - lengthBytes + bytesLength, 0);
  head[4] = frame.kind | (frame.last ? lastFlag : 0) | (frame.empty ? emptyFlag : 0);
  head[5] = idLength;
  head.write(frame.id, 6, 'latin1');
  head[6 + idLength] = patternLength;
  head.write(frame.pattern, 7 + idLength);
  return head;
}

/** @throws FrameError */
function parseFrame(frame: Buffer): Frame {
  const flags = frame[0]!;
  const idEnd = 2 + frame[1]!;
  if (idEnd >= frame.length) throw new FrameError('the id ends behind the frame');
  const patternEnd = idEnd + 1 + frame[idEnd]!;
  if (patternEnd > frame.length) throw new FrameError('the pattern ends behind the frame');
  const kind = flags & 15;
  if (kind > Kind.welcome) throw new FrameError(`unknown kind ${kind}`);
  return {
    kind: kind as Kind,
    id: frame.toString('latin1', 2, idEnd),
    pattern: frame.toString('utf8', idEnd + 1, patternEnd),
    bytes: frame.subarray(patternEnd),
    last: (flags & lastFlag) !== 0,
    empty: (flags & emptyFlag) !== 0,
  };
}

/** Finds the frames in what a socket brings, however it is cut. Each byte is copied at most twice. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private held = 0;
  private needed = lengthBytes;

  constructor(public maxFrameBytes: number) {}

  /**
   * Hands over each frame that is complete now; `onFrame` answers false when it wants no more.
   * @throws FrameError at a length that is too large or too small, or a frame that cannot be read.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => boolean): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    if (this.held < this.needed) return;
    const bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks, this.held);
    let at = 0;
    for (;;) {
      this.needed = lengthBytes;
      if (bytes.length - at < lengthBytes) break;
      const length = bytes.readUInt32BE(at);
      if (length < smallestFrame || length > this.maxFrameBytes) throw new FrameError(`a frame of ${length} bytes`);
      this.needed = lengthBytes + length;
      if (bytes.length - at < this.needed) break;
      at += this.needed;
      if (!onFrame(parseFrame(bytes.subarray(at - length, at)))) return;
    }
    this.chunks = at < bytes.length ? [bytes.subarray(at)] : [];
    this.held = bytes.length - at;
  }
}
