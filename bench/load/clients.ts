/**
 * Many WebSocket clients in one process, over bare sockets and one shared read buffer, so that they cost less than any
 * server: each checks that the numbers of every room go up by one, that the text is as long as it was sent, and of the first
 * message and each 16th after it all of it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import {
  framePrefix,
  numberDigits,
  padding,
  payloadBytes,
  roomDigits,
  roomName,
  roomsOf,
  socketIoLead,
  type Layout,
} from '../support/message.js';

export interface Connect extends Layout {
  do: 'connect';
  port: number;
  count: number;
  /** Loopback has 28,000 ports for each pair of addresses. */
  host?: string;
  /** It is a socket.io server (Engine.IO 4), which puts an event's name before each message. */
  socketIo?: true;
  /** More of the query; `{i}` is the number of the client. */
  query?: string;
  /** Of the rooms' names. */
  prefix?: string;
  /** HS256: each client is then the user `u<number>`. */
  jwtSecret?: string;
  /** Of the first client of this process; 0 when missing. */
  firstUser?: number;
  /** How many knock at once. */
  atOnce?: number;
}

export type ToLoad =
  | Connect
  /** Those whose connection is gone connect again, and say with `since` where they are. */
  | { do: 'reconnect'; port: number }
  | { do: 'expect'; messages: number }
  /** From now on tell when each message has reached everybody. */
  | { do: 'watch' }
  /** Read no more. */
  | { do: 'stall' }
  | { do: 'report' };

export type FromLoad =
  | { did: 'connect'; welcome: string }
  | { did: 'reconnect'; welcome: string }
  | { did: 'expect'; messages: number }
  /** The last connection is gone. */
  | { did: 'lose' }
  /** `atMs` is the machine's monotonic clock. */
  | { did: 'watch'; room: number; number: number; atMs: number }
  | ({ did: 'report' } & Report);

export interface Report {
  clients: number;
  /** Messages of all clients together. */
  messages: number;
  /** By room, and of who is in it or got something of it: the last number of the one with the lowest, and with the highest. */
  rooms: Record<number, { least: number; most: number }>;
  /** Messages whose number was not the one after the last. */
  disorder: number;
  /** Messages whose text was not what was sent. */
  damaged: number;
  closed: number;
}

const crlf2 = Buffer.from('\r\n\r\n');
const switching = Buffer.from('HTTP/1.1 101');
const paddingBytes = Buffer.from(padding);
/** Where a push has the last digit of its type and the protocol's own frames, with types below 1000, have none. */
const tellTale = framePrefix.indexOf(',') - 1;
const lastDigit = framePrefix.charCodeAt(tellTale);
const brace = framePrefix.charCodeAt(0);
const prefixBytes = framePrefix.length;
/** `40`, masked with zeros: into the main namespace. */
const socketIoConnect = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]);

let messages = 0;
let disorder = 0;
let damaged = 0;
let closed = 0;
let online = 0;
let expected = Infinity;
let reachedBy: Map<number, number> | undefined;
let connect: Connect = { do: 'connect', port: 0, count: 0, rooms: 0, roomsEach: 0 };
const clients: Client[] = [];
const say = (message: FromLoad) => process.send?.(message);

/** All sockets read into this; what is left of a frame is copied out before the next socket reads. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** One who stays the same over its connections. */
class Client {
  readonly rooms: number[];
  /** The number of the last message of each of `rooms`. */
  readonly lasts: number[];
  socket: LoadSocket | undefined;
  since = '';

  constructor(readonly number: number) {
    this.rooms = roomsOf(number, connect);
    this.lasts = this.rooms.map(() => 0);
  }

  /** Its promise gives the welcome frame. */
  connect(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = new LoadSocket(this, resolve);
      this.socket = socket;
      online += 1;
      socket.once('close', () => reject(new Error('closed before the welcome')));
      socket.once('error', reject);
      const host = connect.host ?? '127.0.0.1';
      socket.connect({ port, host, noDelay: true }, () => void socket.write(this.upgrade(host, port)));
    });
  }

  private upgrade(host: string, port: number): string {
    const rooms = this.rooms.map((room) => roomName(room, connect.prefix)).join(',');
    const more = connect.query ? `&${connect.query.replaceAll('{i}', String(this.number))}` : '';
    const since = this.since && `&since=${this.since}`;
    const token = connect.jwtSecret ? `Authorization: Bearer ${tokenOf(this.number, connect.jwtSecret)}\r\n` : '';
    const key = randomBytes(16).toString('base64');
    const path = connect.socketIo ? '/socket.io/?EIO=4&transport=websocket&' : '/connect?';
    return (
      `GET ${path}rooms=${rooms}${more}${since} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\n` +
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${token}Sec-WebSocket-Key: ${key}\r\n\r\n`
    );
  }

  /** Takes the pushed message whose number begins at `at`. */
  take(bytes: Buffer, at: number): void {
    const number = decimal(bytes, at, numberDigits);
    const room = decimal(bytes, at + numberDigits, roomDigits);
    const known = this.rooms.indexOf(room);
    // What is for all, or for a user, has a number of its own like a room.
    const i = known >= 0 ? known : this.rooms.push(room) - 1;
    if (known < 0) this.lasts.push(0);
    if (number !== this.lasts[i]! + 1) disorder += 1;
    this.lasts[i] = number;
    const filled = at + numberDigits + roomDigits;
    const end = at + payloadBytes - 2;
    if (bytes[end] !== 0x22 || ((number & 15) === 1 && paddingBytes.compare(bytes, filled, end) !== 0)) damaged += 1;
    messages += 1;
    if (reachedBy) this.count(room, number);
    if (messages === expected) reached();
  }

  private count(room: number, number: number): void {
    const key = number * 10 ** roomDigits + room;
    const by = (reachedBy!.get(key) ?? 0) + 1;
    if (by < clients.length) return void reachedBy!.set(key, by);
    reachedBy!.delete(key);
    say({ did: 'watch', room, number, atMs: Number(process.hrtime.bigint()) / 1e6 });
  }
}

function decimal(bytes: Buffer, at: number, digits: number): number {
  let number = 0;
  for (let i = at; i < at + digits; i += 1) number = number * 10 + bytes[i]! - 48;
  return number;
}

class LoadSocket extends Socket {
  private rest: Buffer | undefined;
  private upgraded = false;

  constructor(
    private readonly client: Client,
    private readonly welcomed: (welcome: string) => void,
  ) {
    super({ onread: { buffer, callback: onRead } } as ConstructorParameters<typeof Socket>[0]);
    this.on('error', () => {});
    this.on('close', () => {
      closed += 1;
      client.socket = undefined;
      online -= 1;
      if (online === 0) say({ did: 'lose' });
    });
  }

  scan(chunk: Buffer): void {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    if (!this.upgraded) {
      const end = bytes.indexOf(crlf2);
      if (end >= 0) {
        if (!bytes.subarray(0, 12).equals(switching)) throw new Error(`refused: ${bytes.toString()}`);
        this.upgraded = true;
        at = end + 4;
      }
    }
    if (this.upgraded) at = this.frames(bytes, at);
    this.rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
  }

  /** Takes whole frames (RFC 6455 §5.2, unmasked) from `at` on; answers where the first partial one begins. */
  private frames(bytes: Buffer, from: number): number {
    const lead = connect.socketIo ? socketIoLead.length : 0;
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
      if (bytes[at] === 0x81) {
        const body = start + lead;
        if (bytes[body + tellTale] === lastDigit && bytes[body] === brace) this.client.take(bytes, body + prefixBytes);
        else if (connect.socketIo) this.socketIo(bytes.toString('utf8', start, end));
        else this.other(bytes.toString('utf8', start, end));
      } else if (bytes[at] !== 0x88) throw new Error(`not a text frame: ${bytes.subarray(at, end).toString('hex')}`);
      at = end;
    }
  }

  private socketIo(packet: string): void {
    if (packet.startsWith('0')) this.write(socketIoConnect);
    else if (packet.startsWith(socketIoLead)) this.other(packet.slice(socketIoLead.length, -1));
  }

  private other(frame: string): void {
    const { type, data } = JSON.parse(frame) as { type: number; data: { channels?: Record<string, Where> } };
    if (type !== 100) return; // a goodbye
    const { channels = {} } = data;
    this.client.since = Object.entries(channels)
      .map(([channel, { epoch, offset }]) => `${channel}@${epoch}:${offset}`)
      .join();
    this.welcomed(frame);
  }
}

interface Where {
  epoch: string;
  offset: number;
}

function onRead(this: LoadSocket, bytes: number): boolean {
  this.scan(buffer.subarray(0, bytes));
  return true;
}

function reached(): void {
  expected = Infinity;
  say({ did: 'expect', messages });
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const head = base64url({ alg: 'HS256' });

/** RFC 7519, for the user `u<number>`. */
function tokenOf(number: number, secret: string): string {
  const signed = `${head}.${base64url({ sub: `u${number}`, exp: Math.floor(Date.now() / 1000) + 86_400 })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** So many at once; answers the last welcome. */
async function connectAll(waiting: Client[], port: number): Promise<string> {
  let welcome = '';
  const next = async () => {
    for (let client = waiting.pop(); client; client = waiting.pop()) welcome = await client.connect(port);
  };
  await Promise.all(Array.from({ length: connect.atOnce ?? 100 }, next));
  return welcome;
}

function report(): Report {
  const rooms: Report['rooms'] = {};
  for (const client of clients) {
    client.rooms.forEach((room, i) => {
      const last = client.lasts[i]!;
      const { least, most } = rooms[room] ?? { least: last, most: last };
      rooms[room] = { least: Math.min(least, last), most: Math.max(most, last) };
    });
  }
  return { clients: clients.length, messages, rooms, disorder, damaged, closed };
}

process.on('message', (message: ToLoad) => {
  switch (message.do) {
    case 'connect': {
      connect = message;
      const newcomers = Array.from(
        { length: message.count },
        (_, i) => new Client((message.firstUser ?? 0) + clients.length + i),
      );
      clients.push(...newcomers);
      void connectAll(newcomers, message.port).then((welcome) => say({ did: 'connect', welcome }));
      break;
    }
    case 'reconnect': {
      const gone = clients.filter(({ socket }) => socket === undefined);
      void connectAll(gone, message.port).then((welcome) => say({ did: 'reconnect', welcome }));
      break;
    }
    case 'expect':
      expected = message.messages;
      if (messages >= expected) reached();
      break;
    case 'watch':
      reachedBy = new Map();
      break;
    case 'stall':
      for (const { socket } of clients) socket?.pause();
      break;
    case 'report':
      say({ did: 'report', ...report() });
      break;
  }
});
