/**
 * Many WebSocket clients in one process, over bare sockets and one shared read buffer, so that they cost less than any
 * server: each counts its frames and checks that the messages' numbers go up by one.
 */
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { digits, framePrefix } from './message.js';

export type ToLoad =
  { do: 'connect'; port: number; path: string; count: number } | { do: 'expect'; messages: number } | { do: 'report' };
export type FromLoad =
  { did: 'connect'; welcome: string } | { did: 'expect'; messages: number } | ({ did: 'report' } & Report);

export interface Report {
  clients: number;
  /** Messages of all clients together, and of the client with the fewest and the most. */
  messages: number;
  least: number;
  most: number;
  /** Frames whose number was not the one after the last. */
  disorder: number;
  closed: number;
}

const crlf2 = Buffer.from('\r\n\r\n');
/** Where a push has the last digit of its type and the protocol's own frames, with types below 1000, have none. */
const tellTale = framePrefix.indexOf(',') - 1;
const lastDigit = framePrefix.charCodeAt(tellTale);
const prefixBytes = framePrefix.length;

let messages = 0;
let disorder = 0;
let closed = 0;
let expected = Infinity;
const clients: LoadSocket[] = [];
const say = (message: FromLoad) => process.send?.(message);

/** All sockets read into this; what is left of a frame is copied out before the next socket reads. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

class LoadSocket extends Socket {
  /** The number of the last message. */
  last = 0;
  private rest: Buffer | undefined;
  private upgraded = false;

  constructor(private readonly welcomed: (welcome: string) => void) {
    super({ onread: { buffer, callback: onRead } } as ConstructorParameters<typeof Socket>[0]);
    this.on('error', () => {});
    this.on('close', () => (closed += 1));
  }

  scan(chunk: Buffer): void {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    if (!this.upgraded) {
      const end = bytes.indexOf(crlf2);
      if (end >= 0) {
        if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) throw new Error(`refused: ${bytes.toString()}`);
        this.upgraded = true;
        at = end + 4;
      }
    }
    if (this.upgraded) at = this.frames(bytes, at);
    this.rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
  }

  /** Takes whole frames (RFC 6455 §5.2, unmasked) from `at` on; answers where the first partial one begins. */
  private frames(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      if (at + 2 > bytes.length) return at;
      let length = bytes[at + 1]!;
      let start = at + 2;
      if (length === 126) {
        if (at + 4 > bytes.length) return at;
        length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
        start = at + 4;
      } else if (length > 126) throw new Error('a frame that no bench sends');
      const end = start + length;
      if (end > bytes.length) return at;
      if (bytes[at] !== 0x81) throw new Error(`not a text frame: ${bytes.subarray(at, end).toString('hex')}`);
      if (bytes[start + tellTale] === lastDigit) this.message(bytes, start + prefixBytes);
      else this.welcomed(bytes.toString('utf8', start, end));
      at = end;
    }
  }

  private message(bytes: Buffer, at: number): void {
    let number = 0;
    for (let i = at; i < at + digits; i += 1) number = number * 10 + bytes[i]! - 48;
    if (number !== this.last + 1) disorder += 1;
    this.last = number;
    messages += 1;
    if (messages === expected) reached();
  }
}

function onRead(this: LoadSocket, bytes: number): boolean {
  this.scan(buffer.subarray(0, bytes));
  return true;
}

function reached(): void {
  expected = Infinity;
  say({ did: 'expect', messages });
}

/** One client; its promise gives the welcome frame. */
function connectOne(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new LoadSocket(resolve);
    clients.push(socket);
    socket.once('close', () => reject(new Error('closed before the welcome')));
    socket.once('error', reject);
    const key = randomBytes(16).toString('base64');
    socket.connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
  });
}

async function connectAll(port: number, path: string, count: number): Promise<string> {
  let welcome = '';
  let left = count;
  const next = async () => {
    while (left > 0) {
      left -= 1;
      welcome = await connectOne(port, path);
    }
  };
  await Promise.all(Array.from({ length: 100 }, next));
  return welcome;
}

process.on('message', (message: ToLoad) => {
  switch (message.do) {
    case 'connect':
      void connectAll(message.port, message.path, message.count).then((welcome) => say({ did: 'connect', welcome }));
      break;
    case 'expect':
      expected = message.messages;
      if (messages >= expected) reached();
      break;
    case 'report': {
      const lasts = clients.map((client) => client.last);
      const [least, most] = lasts.reduce(([low, high], n) => [Math.min(low, n), Math.max(high, n)], [Infinity, 0]);
      say({ did: 'report', clients: clients.length, messages, least, most, disorder, closed });
      break;
    }
  }
});
