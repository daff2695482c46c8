import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { HistoryStore } from '@app/history';
import type { Registry } from '@app/registry';
import { rpcPortOf, rpcServerOptions } from '@app/rpc';
import {
  createLog,
  explainListen,
  fastifyTimes,
  isLoopback,
  Metrics,
  NestLog,
  Readiness,
  SystemClock,
  type Clock,
  type Log,
  type Running,
} from '@app/runtime';
import type { GatewayConfig } from './gateway.config.js';
import { Gateway } from './gateway.js';
import { GatewayModule } from './gateway.module.js';
import { clientPath } from './transport/client-server.js';
import { SkylarkWsAdapter } from './transport/ws.adapter.js';

/** What a gateway runs on. An instance that is given is used, and is its maker's to close; what is missing is made. */
export interface GatewayParts {
  config: GatewayConfig;
  registry?: Registry;
  history?: HistoryStore;
  metrics?: Metrics;
  readiness?: Readiness;
  log?: Log;
  clock?: Clock;
  /** Health and metrics on `config.httpPort`. */
  listenHttp: boolean;
  /** A later process runs under the same NODE_ID: this one is of no use any more. */
  onSuperseded?: () => void;
  /** `false`: resolve when the ports listen, while the registry may still be waited for. */
  awaitRegistry?: boolean;
}

export interface RunningGateway extends Running {
  /** Clients. */
  port: number;
  rpcPort: number;
  /** Health and metrics; undefined when they are not listened for. */
  httpPort: number | undefined;
  nodeId: string;
  log: Log;
  /** Resolves when clients are let in. */
  serving: Promise<void>;
}

/**
 * Starts a gateway. Its ports listen at once; clients are answered 503 until the node stands in the registry, which is
 * waited for with backoff, and `/health/ready` says so meanwhile.
 * @throws ListenError
 */
export async function startGateway(parts: GatewayParts): Promise<RunningGateway> {
  const { config, log = createLog(config.logLevel, { app: 'gateway' }), clock = new SystemClock() } = parts;
  const { metrics = new Metrics().collectProcess(), readiness = new Readiness(), onSuperseded = () => {} } = parts;
  warnOfOpenDoors(config, log);
  const app = await NestFactory.create<NestFastifyApplication>(
    GatewayModule.forRoot({ config, metrics, readiness, log, clock, onSuperseded }, parts),
    new FastifyAdapter(fastifyTimes(config)),
    { logger: new NestLog(log), abortOnError: false },
  );
  const gateway = app.get(Gateway);
  app.useWebSocketAdapter(new SkylarkWsAdapter(gateway.clients));
  const { rpcHost: host, rpcSecret: secret, rpcTls: tls } = config;
  const rpc = app.connectMicroservice(
    rpcServerOptions({ host, port: config.rpcPort, secret, tls, log, metrics, clock }),
  );
  try {
    const httpPort = parts.listenHttp ? await listenHttp(app, config) : void (await app.init());
    await app
      .startAllMicroservices()
      .catch((error: unknown) => explainListen(error, 'GATEWAY_RPC_PORT', host, config.rpcPort));
    const port = await gateway.clients
      .listen(config.port, config.bind)
      .catch((error: unknown) => explainListen(error, 'GATEWAY_PORT', config.bind, config.port));
    const rpcPort = rpcPortOf(rpc);
    log.info({ node: config.nodeId, port, rpcPort, httpPort }, 'gateway listens');
    const address = config.publicUrl || `ws://${urlHost(config.advertise)}:${port}${clientPath}`;
    const serving = gateway.start({ host: config.rpcAdvertise, port: rpcPort, address });
    void serving.then(() => log.info({ node: config.nodeId, address }, 'clients are let in'));
    if (parts.awaitRegistry !== false) await serving;
    const close = async () => {
      await gateway.stop();
      await app.close();
    };
    return { port, rpcPort, httpPort, nodeId: config.nodeId, log, serving, close };
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listenHttp(app: NestFastifyApplication, { httpPort, bind }: GatewayConfig): Promise<number> {
  await app.listen(httpPort, bind).catch((error: unknown) => explainListen(error, 'GATEWAY_HTTP_PORT', bind, httpPort));
  return (app.getHttpServer().address() as AddressInfo).port;
}

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

function warnOfOpenDoors({ bind, authMode, rpcHost, rpcSecret }: GatewayConfig, log: Log): void {
  if (!isLoopback(bind) && authMode === 'open')
    log.warn({ bind }, 'INSECURE=1: everybody who reaches this port may connect as anybody');
  if (!isLoopback(rpcHost) && rpcSecret === '')
    log.warn({ bind: rpcHost }, 'INSECURE=1: everybody who reaches the RPC port may speak as one of us');
}
