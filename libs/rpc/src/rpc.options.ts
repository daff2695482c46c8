import type { AddressInfo, Server, Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import {
  ServerTCP,
  TcpContext,
  type CustomStrategy,
  type IncomingRequest,
  type TcpSocket,
} from '@nestjs/microservices';
import type { INestMicroservice } from '@nestjs/common';
import { SystemClock, type Clock, type Log, type Metrics } from '@app/runtime';
import { finalize, isObservable } from 'rxjs';
import { RefusalLog, Unproven } from './newcomers.js';
import { remoteOf, serverSocketClass, type Refused } from './rpc.socket.js';
import { followTls, serverTls, type RpcTls } from './rpc.tls.js';

export interface RpcServerSettings {
  host: string;
  /** 0 = any free port: ask {@link rpcPortOf} afterwards. */
  port: number;
  /** A comma list, all of which are believed; empty = none. */
  secret: string;
  tls?: RpcTls | undefined;
  log: Log;
  metrics: Metrics;
  /** Default 16 MiB. A larger frame closes the connection it comes on. */
  maxFrameBytes?: number;
  /** Default 5 s. */
  handshakeMs?: number;
  /** Default 256: of those that have not proved themselves, more than these cost the oldest its place. */
  maxNewcomers?: number;
  clock?: Clock;
}

export const maxFrameBytes = 16 * 1024 * 1024;
export const handshakeMs = 5_000;
/** Connections that have not proved themselves yet. */
export const maxNewcomers = 256;

/** What `connectMicroservice` takes: Nest's TCP server with our frames and handshake. */
export function rpcServerOptions(settings: RpcServerSettings): CustomStrategy {
  return { strategy: new RpcServer(settings) };
}

/** The port of a microservice made with {@link rpcServerOptions}, once it listens. */
export const rpcPortOf = (microservice: INestMicroservice): number =>
  (microservice.unwrap<Server>().address() as AddressInfo).port;

class RpcServer extends ServerTCP {
  private readonly log: Log;

  constructor(settings: RpcServerSettings) {
    const { log, metrics, tls, clock = new SystemClock() } = settings;
    const limitMs = settings.handshakeMs ?? handshakeMs;
    const counter = metrics.counter('skylark_rpc_refused_total', 'RPC connections closed by us, by reason', ['reason']);
    const lines = new RefusalLog(log, clock);
    const onRefused = (reason: Refused, detail: string, remote: string) => {
      counter.inc({ reason });
      lines.tell({ reason, detail, remote });
    };
    const newcomers = new Unproven(settings.maxNewcomers ?? maxNewcomers, (remote) =>
      onRefused('crowd', 'too many connections at once that have not proved themselves', remote),
    );
    const socketClass = serverSocketClass({
      secret: settings.secret,
      maxFrameBytes: settings.maxFrameBytes ?? maxFrameBytes,
      handshakeMs: limitMs,
      clock,
      onUp: ({ netSocket }) => newcomers.proved(remoteOf(netSocket)),
      onRefused,
    });
    const { host, port } = settings;
    super({ host, port, socketClass, ...(tls && { tlsOptions: serverTls(tls, limitMs) }) });
    this.log = log;
    this.server.prependListener('connection', (socket) => newcomers.add(remoteOf(socket), socket));
    if (!tls) return;
    followTls(this.server as TlsServer, tls, log);
    this.server.on('tlsClientError', (error: Error, socket: Socket) =>
      onRefused('tls', error.message, remoteOf(socket)),
    );
  }

  /** Nest's own waits for ever at every error but a taken port. */
  override listen(callback: (error?: unknown) => void): void {
    this.server.once('error', callback);
    this.server.listen(this.port, this.host, () => {
      this.server.off('error', callback);
      callback();
    });
  }

  /** Ours are words. Nest's own tries each as JSON first, and what that throws costs a seventh of what a batch does. */
  protected override getRouteFromPattern(pattern: string): string {
    return pattern;
  }

  /**
   * A request has one answer, and its handler is Nest's, with guards, pipes and filters; the streams around it, which cost as much again,
   * are left to handlers that answer one.
   */
  override async handleMessage(socket: TcpSocket, request: IncomingRequest): Promise<void> {
    const { id, pattern, data } = request;
    const handler = id === undefined ? null : this.getHandlerByPattern(pattern);
    if (!handler) return super.handleMessage(socket, request);
    const context = new TcpContext([socket, pattern, undefined]);
    return this.runWithProcessingHooks(context, async (runEndHook) => {
      const response: unknown = await handler(data, context); // in the same tick, so that calls start in the order in which they came
      if (!isObservable(response)) {
        socket.sendMessage({ id, response, isDisposed: true });
        return runEndHook();
      }
      this.send(response.pipe(finalize(runEndHook)), (answer) => {
        socket.sendMessage({ ...answer, id });
      });
    });
  }

  /** A peer that went away in mid-sentence: its own log tells why, ours that it happened. */
  protected override handleError(error: string | Error): void {
    this.log.debug({ err: error }, 'rpc connection broke');
  }
}
