import type { AddressInfo, Server } from 'node:net';
import { ServerTCP, type CustomStrategy } from '@nestjs/microservices';
import type { INestMicroservice } from '@nestjs/common';
import { SystemClock, type Clock, type Log, type Metrics } from '@app/runtime';
import { serverSocketClass } from './rpc.socket.js';

export interface RpcServerSettings {
  host: string;
  /** 0 = any free port: ask {@link rpcPortOf} afterwards. */
  port: number;
  /** Empty = none. */
  secret: string;
  log: Log;
  metrics: Metrics;
  /** Default 16 MiB. A larger frame closes the connection it comes on. */
  maxFrameBytes?: number;
  /** Default 5 s. */
  handshakeMs?: number;
  clock?: Clock;
}

export const maxFrameBytes = 16 * 1024 * 1024;
export const handshakeMs = 5_000;

/** What `connectMicroservice` takes: Nest's TCP server with our frames and handshake. */
export function rpcServerOptions(settings: RpcServerSettings): CustomStrategy {
  return { strategy: new RpcServer(settings) };
}

/** The port of a microservice made with {@link rpcServerOptions}, once it listens. */
export const rpcPortOf = (microservice: INestMicroservice): number =>
  (microservice.unwrap<Server>().address() as AddressInfo).port;

class RpcServer extends ServerTCP {
  constructor(settings: RpcServerSettings) {
    const { log, metrics } = settings;
    const refused = metrics.counter('skylark_rpc_refused_total', 'RPC connections closed by us, by reason', ['reason']);
    super({
      host: settings.host,
      port: settings.port,
      socketClass: serverSocketClass({
        secret: settings.secret,
        maxFrameBytes: settings.maxFrameBytes ?? maxFrameBytes,
        handshakeMs: settings.handshakeMs ?? handshakeMs,
        clock: settings.clock ?? new SystemClock(),
        onRefused: (reason, detail, remote) => {
          refused.inc({ reason });
          log.warn({ reason, detail, remote }, 'rpc connection refused');
        },
      }),
    });
    this.log = log;
  }

  private readonly log: Log;

  /** Nest's own waits for ever at every error but a taken port. */
  override listen(callback: (error?: unknown) => void): void {
    this.server.once('error', callback);
    this.server.listen(this.port, this.host, () => {
      this.server.off('error', callback);
      callback();
    });
  }

  /** A peer that went away in mid-sentence: its own log tells why, ours that it happened. */
  protected override handleError(error: string | Error): void {
    this.log.debug({ err: error }, 'rpc connection broke');
  }
}
