import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';

/** Opcodes of RFC 6455 §5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface RawFrame {
  fin: boolean;
  opcode: number;
  payload: Buffer;
}

/** A frame's bytes (RFC 6455 §5.2). A client's are masked; `mask: false` breaks that rule, `length` lies about the payload's. */
export function rawFrame(
  opcode: number,
  payload: Buffer | string,
  { mask = true, fin = true, length }: { mask?: boolean; fin?: boolean; length?: number } = {},
): Buffer {
  const body = Buffer.from(payload);
  const size = length ?? body.length;
  const first = (fin ? 0x80 : 0) | opcode;
  const bit = mask ? 0x80 : 0;
  let head: Buffer;
  if (size < 126) head = Buffer.from([first, bit | size]);
  else if (size < 65_536) {
    head = Buffer.from([first, bit | 126, 0, 0]);
    head.writeUInt16BE(size, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  if (!mask) return Buffer.concat([head, body]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, body.map((byte, i) => byte ^ key[i & 3]!)]);
}

/** Upgrades at `url` (`ws://host:port/path?query`) over a bare TCP socket. Rejects when the answer is not 101. */
export async function openRaw(url: string): Promise<RawWebSocket> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  const raw = new RawWebSocket(socket);
  const request = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ];
  socket.write(`${request.join('\r\n')}\r\n\r\n`);
  const head = await raw.head;
  if (!head.startsWith('HTTP/1.1 101 ')) {
    socket.destroy();
    throw new Error(`the upgrade of ${url} was refused: ${head}`);
  }
  return raw;
}

/** A client without manners: sends any bytes, may stop reading. */
export class RawWebSocket {
  /** The HTTP head of the answer. */
  readonly head: Promise<string>;
  /** When the connection is over: code and reason of the close frame, if one came. */
  readonly closed: Promise<{ code: number; reason: string } | undefined>;
  /** All frames that came and were not taken by `next`. */
  readonly frames: RawFrame[] = [];
  private buffered: Buffer = Buffer.alloc(0);
  private upgraded = false;
  private farewell: { code: number; reason: string } | undefined;
  private headCame!: (head: string) => void;
  private readonly waiters: { resolve: (frame: RawFrame) => void; reject: (error: Error) => void }[] = [];

  constructor(readonly socket: Socket) {
    this.head = new Promise((resolve, reject) => {
      this.headCame = resolve;
      socket.once('close', () => reject(new Error('the connection was cut before an HTTP answer')));
    });
    this.head.catch(() => {}); // after the upgrade nobody waits for it any more
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', () => {}); // a reset is one way to be closed
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const waiter of this.waiters.splice(0)) {
          waiter.reject(new Error(`closed (${this.farewell?.code ?? 'no close frame'}) while waiting for a frame`));
        }
        resolve(this.farewell);
      });
    });
  }

  send(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** The next frame in order; rejects when the connection ends first. */
  next(): Promise<RawFrame> {
    const came = this.frames.shift();
    if (came) return Promise.resolve(came);
    if (this.socket.destroyed) return Promise.reject(new Error('closed, and no frame is left'));
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject });
    });
  }

  /** Reads nothing more: what the server writes fills the kernel, then the server. */
  stopReading(): void {
    this.socket.pause();
  }

  drop(): void {
    this.socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, chunk]);
    if (!this.upgraded) {
      const end = this.buffered.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.upgraded = true;
      this.headCame(this.buffered.subarray(0, end).toString());
      this.buffered = this.buffered.subarray(end + 4);
    }
    for (let read = readFrame(this.buffered); read; read = readFrame(this.buffered)) {
      this.buffered = this.buffered.subarray(read.size);
      const { frame } = read;
      if (frame.opcode === Opcode.close && frame.payload.length >= 2) {
        this.farewell = { code: frame.payload.readUInt16BE(0), reason: frame.payload.subarray(2).toString() };
      }
      const waiter = this.waiters.shift();
      if (waiter) waiter.resolve(frame);
      else this.frames.push(frame);
    }
  }
}

/** The first whole frame of `bytes` and its size; servers do not mask. */
function readFrame(bytes: Buffer): { frame: RawFrame; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < head + length) return undefined;
  const payload = Buffer.from(bytes.subarray(head, head + length));
  return { frame: { fin: (bytes[0]! & 0x80) !== 0, opcode: bytes[0]! & 0x0f, payload }, size: head + length };
}
