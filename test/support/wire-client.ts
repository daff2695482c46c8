import { WebSocket, type ClientOptions, type RawData } from 'ws';
import type { IncomingHttpHeaders } from 'node:http';
import { PacketType, pingText, type Welcome } from '@app/protocol';

/** What a server sends: the envelope, as it came. */
export interface ServerPacket {
  type: number;
  data?: unknown;
  id?: string;
  channel?: string;
  offset?: number;
  ref?: string;
  encoding?: string;
  error?: { code: string; message: string };
}

/** A packet's type, or a claim about a packet. */
export type Match = number | ((packet: ServerPacket) => boolean);

export interface ConnectOptions {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  protocols?: string[];
}

export interface Closed {
  code: number;
  reason: string;
}

/** The HTTP answer to an upgrade that did not happen. */
export interface Refused {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Opens a WebSocket at `url` (`ws://host:port/connect`) and resolves when it is open, before the welcome. Rejects when refused. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<WireClient> {
  const outcome = await open(url, options);
  if (outcome instanceof WireClient) return outcome;
  throw new Error(`the upgrade of ${url} was refused: ${outcome.status} ${outcome.body}`);
}

/** The HTTP answer to an upgrade that must be refused. Rejects when it is not. */
export async function upgradeRefused(url: string, options: ConnectOptions = {}): Promise<Refused> {
  const outcome = await open(url, options);
  if (!(outcome instanceof WireClient)) return outcome;
  await outcome.drop();
  throw new Error(`the upgrade of ${url} was not refused`);
}

function open(url: string, { query, headers, protocols }: ConnectOptions): Promise<WireClient | Refused> {
  const target = new URL(url);
  for (const [name, value] of Object.entries(query ?? {})) target.searchParams.set(name, value);
  const options: ClientOptions = { headers, perMessageDeflate: false };
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(target, protocols ?? [], options);
    const client = new WireClient(socket); // listens at once: the first frame may come with the answer to the upgrade
    socket.once('open', () => resolve(client));
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const body = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
      response.on('error', reject);
    });
  });
}

interface Waiter {
  matches: (packet: ServerPacket) => boolean;
  resolve: (packet: ServerPacket) => void;
  fail: (closed: Closed) => void;
}

/** A client that remembers what came and waits for what is to come. */
export class WireClient {
  /** All frames, as they came: text as string, binary as Buffer. */
  readonly frames: (string | Buffer)[] = [];
  /** All packets, in order. */
  readonly packets: ServerPacket[] = [];
  /** How the connection ended; 1006 when without a close frame. */
  readonly closed: Promise<Closed>;
  private readonly unseen: ServerPacket[] = [];
  private readonly waiters = new Set<Waiter>();
  private end: Closed | undefined;
  private refs = 0;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data, isBinary) => this.take(data, isBinary));
    socket.on('error', () => {}); // the close that follows tells
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.end = { code, reason: reason.toString() };
        for (const waiter of this.waiters) waiter.fail(this.end);
        this.waiters.clear();
        resolve(this.end);
      });
    });
  }

  /**
   * The first packet that matches and that no `next` has given out yet; waits for one, as long as the test may take.
   * Rejects, with what came instead, when the connection ends first.
   */
  next(match: Match): Promise<ServerPacket> {
    const matches = typeof match === 'number' ? (packet: ServerPacket) => packet.type === match : match;
    const index = this.unseen.findIndex(matches);
    if (index >= 0) return Promise.resolve(this.unseen.splice(index, 1)[0]!);
    return new Promise((resolve, reject) => {
      const fail = ({ code, reason }: Closed) => {
        const wanted = typeof match === 'number' ? `a packet of type ${match}` : `a packet with ${match.toString()}`;
        const instead = this.unseen.map((packet) => JSON.stringify(packet)).join('\n  ') || 'nothing';
        reject(new Error(`closed (${code} ${reason}) while waiting for ${wanted}; instead came:\n  ${instead}`));
      };
      if (this.end) fail(this.end);
      else this.waiters.add({ matches, resolve, fail });
    });
  }

  /** The data of the welcome frame. */
  async welcome(): Promise<Welcome> {
    return (await this.next(PacketType.welcome)).data as Welcome;
  }

  /** The pushes that came so far in a channel (`all`, `room:<name>`; `user` is the own one), in order. */
  received(channel: string): ServerPacket[] {
    const own = channel === 'user';
    return this.packets.filter(
      (packet) => packet.id !== undefined && (own ? packet.channel === undefined : packet.channel === channel),
    );
  }

  /** Objects as JSON text, strings as text frames, Buffers as binary frames. */
  send(packet: object | string | Buffer): void {
    this.socket.send(typeof packet === 'string' || Buffer.isBuffer(packet) ? packet : JSON.stringify(packet));
  }

  /** Sends a request with a `ref` of its own and answers its reply, an error included. */
  request(packet: { type: number; data?: unknown }): Promise<ServerPacket> {
    const ref = `r${++this.refs}`;
    this.send({ ...packet, ref });
    return this.next((reply) => reply.type === PacketType.reply && reply.ref === ref);
  }

  /** PING and its PONG: all that the server wrote before has come. */
  async roundTrip(): Promise<void> {
    this.send(pingText);
    await this.next(PacketType.ping);
  }

  /** Reads nothing more, as a client does that hangs. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Says goodbye, as a client does that leaves. */
  close(code = 1000, reason = ''): Promise<Closed> {
    this.socket.close(code, reason);
    return this.closed;
  }

  /** Is gone without a goodbye. */
  drop(): Promise<Closed> {
    this.socket.terminate();
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }

  private take(data: RawData, isBinary: boolean): void {
    const bytes = data as Buffer; // the default binaryType of ws
    this.frames.push(isBinary ? bytes : bytes.toString());
    if (isBinary) return;
    const packet = JSON.parse(bytes.toString()) as ServerPacket;
    this.packets.push(packet);
    for (const waiter of this.waiters) {
      if (!waiter.matches(packet)) continue;
      this.waiters.delete(waiter);
      waiter.resolve(packet);
      return;
    }
    this.unseen.push(packet);
  }
}
