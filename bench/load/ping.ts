/** Clients that ask with a window of PINGs: each bare socket sends so many at once, waits for all their PONGs, and compares the bytes. */
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { pingText, pongText } from '@app/protocol';

export type ToPing = { do: 'connect'; port: number; count: number } | { do: 'run'; window: number; seconds: number };
export type FromPing = { did: 'connect' } | { did: 'run'; pongs: number; seconds: number };

const say = (message: FromPing) => process.send?.(message);

/** Masked with zeros, as RFC 6455 §5.3 lets a client that has nothing to hide from a proxy. */
const ping = Buffer.concat([Buffer.from([0x81, 0x80 | pingText.length, 0, 0, 0, 0]), Buffer.from(pingText)]);
const pong = Buffer.concat([Buffer.from([0x81, pongText.length]), Buffer.from(pongText)]);
/** Any stretch of PONGs that can come at once is one of this. */
const pongs = Buffer.concat(Array.from({ length: 64 }, () => pong));

class Pinger {
  private received = 0;
  private question = ping;
  private done: (() => void) | undefined;
  private window = 0;
  private untilMs = 0;
  answered = 0;

  constructor(private readonly socket: Socket) {
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('close', () => {
      throw new Error('closed');
    });
  }

  run(window: number, untilMs: number): Promise<void> {
    this.window = window;
    this.untilMs = untilMs;
    this.question = Buffer.concat(Array.from({ length: window }, () => ping));
    this.answered = 0;
    this.socket.write(this.question);
    return new Promise((resolve) => (this.done = resolve));
  }

  private take(bytes: Buffer): void {
    const from = this.received % pong.length;
    if (bytes.compare(pongs, from, from + bytes.length) !== 0) throw new Error(`no PONG: ${bytes.toString()}`);
    this.received += bytes.length;
    if (this.received < this.window * pong.length) return;
    if (this.received > this.window * pong.length) throw new Error('a PONG too many');
    this.received = 0;
    this.answered += this.window;
    if (performance.now() < this.untilMs) this.socket.write(this.question);
    else this.done?.();
  }
}

/** Connected, and the first frame was read. */
function connect(port: number): Promise<Pinger> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.write(
      `GET /connect HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    let head = '';
    const onHead = (chunk: Buffer) => {
      head += chunk.toString();
      const [upgrade, welcome] = head.split('\r\n\r\n');
      if (!upgrade!.startsWith('HTTP/1.1 101')) return reject(new Error(head));
      if (!welcome?.endsWith('}')) return;
      socket.off('data', onHead);
      resolve(new Pinger(socket));
    };
    socket.on('data', onHead);
  });
}

let pingers: Pinger[] = [];

async function connectAll(port: number, count: number): Promise<void> {
  pingers = await Promise.all(Array.from({ length: count }, () => connect(port)));
  say({ did: 'connect' });
}

async function run(window: number, seconds: number): Promise<void> {
  const began = performance.now();
  await Promise.all(pingers.map((pinger) => pinger.run(window, began + seconds * 1000)));
  const answered = pingers.reduce((sum, pinger) => sum + pinger.answered, 0);
  say({ did: 'run', pongs: answered, seconds: (performance.now() - began) / 1000 });
}

process.on('message', (message: ToPing) => {
  if (message.do === 'run') void run(message.window, message.seconds);
  else void connectAll(message.port, message.count);
});
