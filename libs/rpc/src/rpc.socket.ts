import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { TcpSocket } from '@nestjs/microservices';
import { secretsOf, type Clock, type Timer } from '@app/runtime';
import { FrameError, FrameReader, Kind, frameHead, type Frame } from './frame.js';
import { handshakeVersion, isProof, newNonce, nonceBytes, proofOf } from './handshake.js';
import { bindingOf } from './rpc.tls.js';

/** What Nest hands to a socket to send: a request, an event or an answer. */
interface NestPacket {
  id?: string;
  pattern?: string;
  data?: Uint8Array;
  response?: Uint8Array;
  err?: unknown;
  isDisposed?: boolean;
}

type SocketClass = new (socket: Socket) => TcpSocket;

export interface SocketSettings {
  /** A comma list: the first is shown, all are believed. Empty = none; the handshake is the same. */
  secret: string;
  maxFrameBytes: number;
  handshakeMs: number;
  clock: Clock;
  /** The handshake is done. */
  onUp?: (socket: RpcSocket) => void;
  /** This end closes the connection, and why. */
  onRefused: (reason: Refused, detail: string, remote: string) => void;
}

/**
 * Why a connection was closed by us: no TLS or none that we believe, no or a wrong proof, nothing said in time, too many
 * that have not proved themselves, bytes that are no frame of ours, or answers that nobody reads.
 */
export type Refused = 'tls' | 'proof' | 'silent' | 'crowd' | 'malformed' | 'unread';

const handshakeFrameBytes = 256;
const none = Buffer.alloc(0);
/** What is copied sooner than it is written in two parts. */
const smallBytes = 4_096;

/**
 * Nest's TCP transport in length-prefixed binary frames whose payloads are opaque Buffers, after a handshake in which
 * both ends prove that they know the secret. Bad bytes close this connection and nothing else.
 */
export abstract class RpcSocket extends TcpSocket {
  private readonly reader = new FrameReader(handshakeFrameBytes);
  private readonly overdue: Timer;
  private corked = false;
  protected ready = false;
  private waiting: (() => void)[] = [];

  constructor(
    socket: Socket,
    protected readonly settings: SocketSettings,
  ) {
    super(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 5_000);
    this.overdue = settings.clock.after(settings.handshakeMs, () =>
      this.refuse('silent', `no handshake within ${settings.handshakeMs} ms`),
    );
    socket.on('close', () => {
      this.overdue.stop();
      this.waiting = [];
    });
  }

  /** Takes a frame of the handshake; calls `admit` when the other end has proved itself. */
  protected abstract shake(frame: Frame): void;
  protected abstract toMessage(frame: Frame): NestPacket;

  protected override handleData(data: Buffer): void {
    this.reader.push(data, (frame) => {
      if (this.ready) this.socket.emit('message', this.toMessage(frame));
      else this.shake(frame);
      return !this.socket.destroyed;
    });
  }

  /** Nest would emit the error and log its stack; a stranger's bytes are worth one line. */
  protected override handleDataError(error: unknown): void {
    this.refuse('malformed', error instanceof Error ? error.message : String(error));
  }

  protected override handleSend(packet: NestPacket, callback?: (error?: unknown) => void): void {
    const send = () => this.write(...toFrame(packet), callback);
    if (this.ready) send();
    else this.waiting.push(send);
  }

  protected admit(): void {
    this.overdue.stop();
    this.ready = true;
    this.reader.maxFrameBytes = this.settings.maxFrameBytes;
    for (const send of this.waiting) send();
    this.waiting = [];
    this.settings.onUp?.(this);
  }

  protected refuse(reason: Refused, detail: string): void {
    if (this.socket.destroyed) return;
    this.settings.onRefused(reason, detail, remoteOf(this.socket));
    // Before it is connected only an error tells Nest's client that it never will be.
    this.socket.destroy(this.socket.connecting ? new Error(detail) : undefined);
  }

  /** What is sent in one tick goes out in one write. */
  protected write(head: Omit<Frame, 'bytes'>, bytes: Uint8Array, callback?: (error?: unknown) => void): void {
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.corked = false;
        this.socket.uncork();
      });
    }
    const start = frameHead(head, bytes.length);
    if (bytes.length <= smallBytes) return void this.socket.write(Buffer.concat([start, bytes]), callback);
    this.socket.write(start);
    this.socket.write(bytes, callback);
  }
}

class ServerSocket extends RpcSocket {
  private readonly nonce = newNonce();

  constructor(socket: Socket, settings: SocketSettings) {
    super(socket, settings);
    this.write(bare(Kind.challenge, handshakeVersion), this.nonce);
  }

  protected override shake({ kind, bytes }: Frame): void {
    const clientNonce = bytes.subarray(0, nonceBytes);
    const proof = bytes.subarray(nonceBytes);
    const binding = bindingOf(this.socket);
    const wanted = (secret: string) => proofOf(secret, 'client', this.nonce, clientNonce, binding);
    const known = secretsOf(this.settings.secret).filter((secret) => isProof(proof, wanted(secret)));
    if (kind !== Kind.proof || known[0] === undefined)
      return this.refuse('proof', 'the other end did not prove that it knows RPC_SECRET');
    this.write(bare(Kind.welcome), proofOf(known[0], 'server', this.nonce, clientNonce, binding));
    this.admit();
  }

  protected override toMessage(frame: Frame): NestPacket {
    if (frame.kind === Kind.request) return { pattern: frame.pattern, data: frame.bytes, id: frame.id };
    if (frame.kind === Kind.event) return { pattern: frame.pattern, data: frame.bytes };
    throw new FrameError(`kind ${frame.kind} is not for servers`);
  }

  /** A peer that asks and never reads its answers must not fill our memory. */
  protected override handleSend(packet: NestPacket, callback?: (error?: unknown) => void): void {
    super.handleSend(packet, callback);
    if (this.socket.writableLength > 4 * this.settings.maxFrameBytes)
      this.refuse('unread', `${this.socket.writableLength} bytes of answers wait to be read`);
  }
}

class ClientSocket extends RpcSocket {
  private readonly nonce = newNonce();
  private serverNonce = none;

  constructor(socket: Socket, settings: SocketSettings) {
    super(socket, settings);
    // Without TLS an error of the connection says nothing about the other end.
    if (socket instanceof TLSSocket)
      socket.once('error', (error) => {
        if (!this.ready && isOfTls(error)) settings.onRefused('tls', error.message, remoteOf(socket));
      });
  }

  protected override shake({ kind, pattern, bytes }: Frame): void {
    const [secret] = secretsOf(this.settings.secret);
    const binding = bindingOf(this.socket);
    if (this.serverNonce === none) {
      if (kind !== Kind.challenge || pattern !== handshakeVersion || bytes.length !== nonceBytes)
        return this.refuse('malformed', `the other end does not speak ${handshakeVersion}`);
      this.serverNonce = Buffer.from(bytes);
      const proof = proofOf(secret, 'client', this.serverNonce, this.nonce, binding);
      return this.write(bare(Kind.proof), Buffer.concat([this.nonce, proof]));
    }
    if (kind !== Kind.welcome || !isProof(bytes, proofOf(secret, 'server', this.serverNonce, this.nonce, binding)))
      return this.refuse('proof', 'the other end did not prove that it knows RPC_SECRET');
    this.admit();
  }

  protected override toMessage(frame: Frame): NestPacket {
    const { id, bytes } = frame;
    if (frame.kind === Kind.response)
      return { id, response: frame.empty ? undefined : bytes, ...(frame.last ? { isDisposed: true } : {}) };
    if (frame.kind === Kind.error) return { id, err: JSON.parse(bytes.toString()) as unknown, isDisposed: true };
    throw new FrameError(`kind ${frame.kind} is not for clients`);
  }
}

/** `host:port` of the other end, which names a connection while it is open. */
export const remoteOf = (socket: Socket): string => `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;

/** As against a connection that was refused or lost, which the other end decides. */
const isOfTls = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  !/^E(CONN|PIPE|HOST|NET|TIMEDOUT|ADDR|AI_)/.test(code);

const bare = (kind: Kind, pattern = ''): Omit<Frame, 'bytes'> => ({ kind, pattern, id: '', last: false, empty: false });

function toFrame(packet: NestPacket): [Omit<Frame, 'bytes'>, Uint8Array] {
  const id = packet.id ?? '';
  if (packet.pattern !== undefined)
    return [{ ...bare(packet.id === undefined ? Kind.event : Kind.request, packet.pattern), id }, packet.data ?? none];
  if (packet.err !== undefined)
    return [{ ...bare(Kind.error), id, last: true }, Buffer.from(JSON.stringify(packet.err))];
  const empty = packet.response === undefined;
  return [{ ...bare(Kind.response), id, empty, last: packet.isDisposed === true }, packet.response ?? none];
}

/** Nest makes sockets from a class and gives it nothing but the socket: the settings are bound here. */
export const serverSocketClass = (settings: SocketSettings): SocketClass =>
  class extends ServerSocket {
    constructor(socket: Socket) {
      super(socket, settings);
    }
  };

export const clientSocketClass = (settings: SocketSettings): SocketClass =>
  class extends ClientSocket {
    constructor(socket: Socket) {
      super(socket, settings);
    }
  };
