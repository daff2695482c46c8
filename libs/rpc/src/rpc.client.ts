import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { types } from 'node:util';
import {
  ClientTCP,
  type IncomingResponse,
  type PacketId,
  type ReadPacket,
  type TcpSocket,
} from '@nestjs/microservices';
import { ErrorCode } from '@app/protocol';
import { SystemClock, type Clock, type Log } from '@app/runtime';
import type { Contract } from './contract.js';
import { RpcError } from './rpc.error.js';
import { handshakeMs, maxFrameBytes } from './rpc.options.js';
import { clientSocketClass, type RpcSocket } from './rpc.socket.js';
import { clientTls, type RpcTls } from './rpc.tls.js';

export interface RpcClientSettings {
  host: string;
  port: number;
  /** A comma list, of which the first is shown; empty = none. */
  secret: string;
  tls?: RpcTls | undefined;
  log: Log;
  /** Default 16 MiB. */
  maxFrameBytes?: number;
  /** Over connecting and proving; default 5 s. */
  handshakeMs?: number;
  clock?: Clock;
}

/**
 * Calls to one other process, over one connection that is made at the first call and again at the first one after it was
 * lost. Calls in flight when it is lost fail at once.
 */
export class RpcClient {
  private readonly proxy: QuietClient;
  private readonly clock: Clock;
  private readonly pending = new Set<(error: RpcError) => void>();
  private readonly downCallbacks: (() => void)[] = [];
  private socket: RpcSocket | undefined;
  private timesUp = 0;
  private refusal: string | undefined;
  private closed = false;

  constructor(private readonly settings: RpcClientSettings) {
    const { host, port, log } = settings;
    this.clock = settings.clock ?? new SystemClock();
    const socketClass = clientSocketClass({
      secret: settings.secret,
      maxFrameBytes: settings.maxFrameBytes ?? maxFrameBytes,
      handshakeMs: settings.handshakeMs ?? handshakeMs,
      clock: this.clock,
      onUp: (socket) => this.onUp(socket),
      onRefused: (reason, detail, remote) => {
        this.refusal = detail;
        log.warn({ reason, detail, remote, host, port }, 'rpc peer refused');
      },
    });
    this.proxy = new QuietClient(socketClass, settings);
  }

  /** Connected, and both ends have proved themselves. */
  get isUp(): boolean {
    return this.socket !== undefined;
  }

  /** Calls back each time a connection that was up is lost. */
  onDown(callback: () => void): void {
    this.downCallbacks.push(callback);
  }

  /**
   * Asks and waits for the answer, `timeoutMs` at most, connecting included.
   * @throws RpcError
   */
  call<Request, Response>(
    contract: Contract<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    if (this.closed) return Promise.reject(new RpcError('closed', this.says('this client is closed')));
    const bytes = contract.request.encode(request);
    const timesUp = this.isUp ? -1 : this.timesUp;
    return new Promise<Response>((resolve, reject) => {
      let forget = () => {};
      const settle = () => {
        this.pending.delete(fail);
        timer.stop();
        forget();
      };
      const fail = (error: RpcError) => {
        settle();
        reject(error);
      };
      const timer = this.clock.after(timeoutMs, () =>
        fail(new RpcError('timeout', this.says(`${contract.pattern}: no answer within ${timeoutMs} ms`))),
      );
      this.pending.add(fail);
      forget = this.proxy.ask(contract.pattern, bytes, ({ err, response }) => {
        if (err) return fail(this.explain(contract.pattern, err, timesUp !== this.timesUp));
        if (response === undefined)
          return fail(new RpcError('remote', this.says(`${contract.pattern}: no value answered`), 'internal'));
        settle();
        try {
          resolve(contract.response.decode(response));
        } catch (error) {
          reject(new RpcError('remote', this.says(`${contract.pattern}: ${String(error)}`), 'malformed'));
        }
      });
    });
  }

  /** Drops the connection; calls in flight fail. Idempotent. */
  close(): void {
    this.closed = true;
    for (const fail of this.pending) fail(new RpcError('closed', this.says('this client is closed')));
    this.proxy.close();
  }

  private onUp(socket: RpcSocket): void {
    if (this.closed) return void socket.netSocket.destroy();
    this.socket = socket;
    this.timesUp += 1;
    this.refusal = undefined;
    socket.netSocket.once('close', () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      for (const callback of this.downCallbacks) callback();
    });
  }

  /** Nest gives what the other side answered as it came, and its own troubles as Errors. */
  private explain(pattern: string, error: unknown, wasSent: boolean): RpcError {
    if (!types.isNativeError(error)) {
      const { code, message } = (
        typeof error === 'object' && error !== null ? error : { message: error }
      ) as RemoteError;
      const known = typeof code === 'string' && Object.hasOwn(ErrorCode, code) ? (code as ErrorCode) : 'internal';
      return new RpcError('remote', this.says(`${pattern}: ${String(message)}`), known);
    }
    const detail = this.refusal ?? error.message;
    return new RpcError(wasSent ? 'lost' : 'unreachable', this.says(`${pattern}: ${detail}`));
  }

  private says(what: string): string {
    return `rpc ${this.settings.host}:${this.settings.port}: ${what}`;
  }
}

interface RemoteError {
  code?: unknown;
  message?: unknown;
}

interface Answer {
  err?: unknown;
  response?: Buffer;
}

/** Our socket makes what Nest expects; its own deserializer looks for packets of others. */
const asItCame = { deserialize: (packet: IncomingResponse) => packet };

/** Nest's client, which would log each lost connection as an error: who called is told, and knows what it means. */
class QuietClient extends ClientTCP {
  private readonly log: Log;
  private asked = 0;

  constructor(
    private readonly rpcSocketClass: new (socket: Socket) => TcpSocket,
    private readonly settings: RpcClientSettings,
  ) {
    const { host, port, tls } = settings;
    // With `tlsOptions` Nest knows that a socket connects as it is made.
    super({ host, port, socketClass: rpcSocketClass, deserializer: asItCame, ...(tls && { tlsOptions: {} }) });
    this.log = settings.log;
  }

  /** Nest's own would show the certificate of when it was made, not that of now. */
  override createSocket(): TcpSocket {
    const { host, port, tls } = this.settings;
    if (!tls) return super.createSocket();
    return new this.rpcSocketClass(connect({ ...clientTls(tls, this.log), host, port }));
  }

  /**
   * As `send`, once connected, without its streams, which cost as much as all the rest of a small call. Answers how to forget
   * that it was asked.
   */
  ask(pattern: string, data: Buffer, onAnswer: (answer: Answer) => void): () => void {
    let isForgotten = false;
    let forget = () => {
      isForgotten = true;
    };
    const publish = () => {
      if (!isForgotten) forget = this.publish({ pattern, data }, onAnswer);
    };
    this.connect().then(publish, (err: unknown) => onAnswer({ err }));
    return () => forget();
  }

  override close(): void {
    this.socket?.netSocket.destroy();
    super.close();
  }

  /** Unique on a connection is enough. */
  protected override assignPacketId(packet: ReadPacket): ReadPacket & PacketId {
    this.asked += 1;
    return Object.assign(packet, { id: `${this.asked}` });
  }

  override handleError(error: unknown): void {
    this.log.debug({ err: error }, 'rpc connection broke');
  }
}
