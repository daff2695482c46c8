import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, type DeadLetterLog } from '@app/bus';
import type { HistoryStore, IdempotencyStore } from '@app/history';
import { NodeDirectory, RevokedTokens, type Registry } from '@app/registry';
import { rpcPortOf, rpcServerOptions } from '@app/rpc';
import {
  Metrics,
  NestLog,
  RateLimit,
  Readiness,
  SystemClock,
  createLog,
  explainListen,
  isLoopback,
  openCounters,
  type Clock,
  type Log,
  type Running,
} from '@app/runtime';
import { articleRoutes } from './article/article.controller.js';
import { KeyGuard } from './key/key-guard.js';
import { KeyLimit } from './key/key-limit.js';
import { openKeys } from './key/open-keys.js';
import type { LogicConfig } from './logic.config.js';
import { LogicMetrics } from './logic.metrics.js';
import { LogicModule } from './logic.module.js';
import { Gateways } from './node/gateways.js';
import { NodeAgent } from './node/node-agent.js';
import { serveDocs } from './openapi.js';
import { ProblemFilter } from './rest/problem.filter.js';
import { restAdapter } from './rest/rest.adapter.js';
import { RouteTable } from './rest/route-table.js';

/** What an instance of logic is made of; what is not given is built from the config. Who gives an instance closes it. */
export interface LogicParts {
  config: LogicConfig;
  bus?: Bus;
  deadLetters?: DeadLetterLog;
  registry?: Registry;
  history?: HistoryStore;
  idempotency?: IdempotencyStore;
  metrics?: Metrics;
  readiness?: Readiness;
  log?: Log;
  clock?: Clock;
  /** Where RPC listens and is reached; by default BIND and ADVERTISE. */
  rpcHost?: string;
}

export interface RunningLogic extends Running {
  /** REST. */
  port: number;
  rpcPort: number;
  log: Log;
}

/**
 * Starts logic. Resolves when REST and RPC listen, whether or not bus and registry are there yet: until then pushes are
 * answered 503 and `/health/ready` says what is missing.
 * @throws ListenError
 */
export async function startLogic(parts: LogicParts): Promise<RunningLogic> {
  const { config, metrics = new Metrics().collectProcess(), readiness = new Readiness() } = parts;
  const { log = createLog(config.logLevel, { app: 'logic' }), clock = new SystemClock() } = parts;
  warnOfOpenDoors(config, log);
  const keys = await openKeys(config, { clock, log, metrics });
  const counters = new LogicMetrics(metrics);
  const routes = new RouteTable();
  const shared = openCounters(config, { clock, log });
  const keyLimit = new KeyLimit(
    new RateLimit({ name: 'pushes', perSecond: config.maxPushesPerSecond, metrics, shared }),
    new RateLimit({ name: 'targets', perSecond: config.maxTargetsPerSecond, metrics, shared }),
    metrics,
  );
  const app = await NestFactory.create<NestFastifyApplication>(
    LogicModule.forRoot({
      config,
      bus: parts.bus,
      deadLetters: parts.deadLetters,
      registry: parts.registry,
      history: parts.history,
      idempotency: parts.idempotency,
      readiness,
      metrics,
      counters,
      clock,
      log,
    }),
    restAdapter(config, routes, new KeyGuard(keys.ring, log, metrics), keyLimit, counters, (route) =>
      articleRoutes.has(route),
    ),
    { logger: new NestLog(log), bodyParser: false, abortOnError: false },
  );
  app.useGlobalFilters(new ProblemFilter(routes, counters, log));
  if (config.swagger) serveDocs(app);
  const { host, port, rpcPort } = await listen(app, parts, { log, metrics, clock }).catch(async (error: unknown) => {
    await keys.close();
    await shared?.close();
    throw error;
  });
  const bus = app.get(Bus);
  const ending = new AbortController();
  openBus(bus, readiness, log, ending.signal);
  const nodes = app.get(NodeDirectory);
  readiness.add('registry', () => nodes.problem());
  const id = randomBytes(8).toString('hex');
  const agent = new NodeAgent(nodes, { id, host, port: rpcPort }, clock, log);
  void agent.start();
  const revoked = app.get(RevokedTokens);
  void revoked.start();
  readiness.add('revocations', () => revoked.problem());
  log.info({ port, rpcPort, node: id }, 'logic listens');
  return {
    port,
    rpcPort,
    log,
    close: async () => {
      ending.abort();
      revoked.stop();
      await keys.close();
      await shared?.close();
      await agent.close();
      app.get(Gateways).close();
      await app.close();
      if (parts.bus === undefined) await bus.close();
    },
  };
}

async function listen(
  app: NestFastifyApplication,
  { config, rpcHost }: LogicParts,
  { log, metrics, clock }: { log: Log; metrics: Metrics; clock: Clock },
): Promise<{ host: string; port: number; rpcPort: number }> {
  const bound = rpcHost ?? config.bind;
  const settings = {
    host: bound,
    port: config.rpcPort,
    secret: config.rpcSecret,
    tls: config.rpcTls,
    log,
    metrics,
    clock,
  };
  const rpc = app.connectMicroservice(rpcServerOptions(settings));
  try {
    await app
      .startAllMicroservices()
      .catch((error: unknown) => explainListen(error, 'LOGIC_RPC_PORT', bound, config.rpcPort));
    await app
      .listen(config.port, config.bind)
      .catch((error: unknown) => explainListen(error, 'LOGIC_PORT', config.bind, config.port));
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { host: rpcHost ?? config.advertise, port, rpcPort: rpcPortOf(rpc) };
}

/** Opens the bus in the background; a bus that will never open is said by readiness for good. */
function openBus(bus: Bus, readiness: Readiness, log: Log, ending: AbortSignal): void {
  let refusal: string | undefined;
  readiness.add('bus', () => refusal ?? bus.problem());
  bus.open().then(
    () => log.info({ shards: bus.shards, durable: bus.durable }, 'bus is open'),
    (error: unknown) => {
      refusal = (error as Error).message;
      if (!ending.aborted) log.error({ err: error }, 'bus cannot be used');
    },
  );
}

function warnOfOpenDoors({ bind, authMode, needsKey, rpcSecret }: LogicConfig, log: Log): void {
  if (isLoopback(bind)) return;
  if (authMode === 'open') log.warn({ bind }, 'INSECURE=1: everybody who reaches this port may connect as anybody');
  if (!needsKey) log.warn({ bind }, 'INSECURE=1: everybody who reaches this port may push');
  if (rpcSecret === '') log.warn({ bind }, 'INSECURE=1: everybody who reaches the RPC port may speak as one of us');
}
