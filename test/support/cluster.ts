import { randomUUID } from 'node:crypto';
import { createBus, createDeadLetterLog, type Bus, type BusOptions, type DeadLetterLog } from '@app/bus';
import { createMemoryHistory, createMemoryIdempotency, type HistoryStore, type IdempotencyStore } from '@app/history';
import { createMemoryRegistry, type Registry } from '@app/registry';
import { Metrics, createLog, readConfig, type Running } from '@app/runtime';
import { gatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { startGateway, type RunningGateway } from '../../apps/gateway/src/start.js';
import { jobConfig } from '../../apps/job/src/job.config.js';
import { startJob, type RunningJob } from '../../apps/job/src/start.js';
import { logicConfig } from '../../apps/logic/src/logic.config.js';
import { startLogic, type RunningLogic } from '../../apps/logic/src/start.js';
import { Clients } from './clients.js';

export interface ClusterOptions {
  gateways?: number;
  jobs?: number;
  logics?: number;
  /** `memory`: embedded bus, memory registry and history. `servers`: Kafka and Redis, as REDIS_URL and KAFKA_BROKERS say. */
  on?: 'memory' | 'servers';
  /** Settings of all apps. */
  env?: Record<string, string>;
  /** Settings of the gateways only. */
  gatewayEnv?: Record<string, string>;
}

/** Settings under which a cluster is alone on its servers, on free ports, and quick to end. */
export function clusterEnv(extra: Record<string, string> = {}): Record<string, string> {
  const name = `test-${randomUUID().slice(0, 8)}`;
  return {
    BIND: '127.0.0.1',
    GATEWAY_PORT: '0',
    GATEWAY_HTTP_PORT: '0',
    LOGIC_PORT: '0',
    JOB_HTTP_PORT: '0',
    AUTH_MODE: 'open',
    RPC_SECRET: 'a secret of this test',
    SHARDS: '4',
    DRAIN_MS: '0',
    LOG_LEVEL: 'silent',
    REDIS_PREFIX: `${name}:`,
    KAFKA_TOPIC_PREFIX: `${name}.`,
    // The least that every Kafka takes: what a killed job had is soon another's.
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    ...(process.env.REDIS_URL && { REDIS_URL: process.env.REDIS_URL }),
    ...(process.env.KAFKA_BROKERS && { KAFKA_BROKERS: process.env.KAFKA_BROKERS }),
    ...extra,
  };
}

/** All apps in this process, each with its own Nest application and metrics, talking over loopback as processes do. */
export class Cluster extends Clients {
  constructor(
    readonly logics: (RunningLogic & { metrics: Metrics })[],
    readonly jobs: (RunningJob & { metrics: Metrics })[],
    readonly gateways: (RunningGateway & { metrics: Metrics })[],
    private readonly end: () => Promise<void>,
    /** The settings of all apps, for whoever starts one more. */
    readonly env: Record<string, string>,
    /** What a cluster in memory stands on. */
    readonly shared?: Shared,
  ) {
    super();
  }

  get restUrls(): string[] {
    return this.logics.map(({ port }) => `http://127.0.0.1:${port}`);
  }

  get clientUrls(): string[] {
    return this.gateways.map(({ port }) => `ws://127.0.0.1:${port}/connect`);
  }

  /** What each app counts, in Prometheus's text format. */
  scrape(): Promise<string[]> {
    const ofApps = [...this.logics, ...this.jobs, ...this.gateways].map(({ metrics }) => metrics);
    const all = this.shared ? [this.shared.busMetrics, ...ofApps] : ofApps;
    return Promise.all(all.map(({ registry }) => registry.metrics()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dropAll();
    await this.end();
  }
}

/** Starts a cluster in one process; resolves when a push to any of its gateways' clients will arrive. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { gateways = 1, jobs = 1, logics = 1, on = 'memory' } = options;
  const env = clusterEnv(options.env);
  const deployment = on === 'memory' ? 'standalone' : 'distributed';
  const log = createLog(env.LOG_LEVEL!);
  const shared = on === 'memory' ? await inMemory(env) : undefined;
  const started: Running[] = [];
  const keep = <T extends Running>(app: T, metrics: Metrics): T & { metrics: Metrics } => {
    started.unshift(app);
    return Object.assign(app, { metrics });
  };
  const end = async () => {
    for (const app of started) await app.close();
    await shared?.bus.close();
  };
  try {
    const cluster = new Cluster([], [], [], end, env, shared);
    for (let i = 0; i < logics; i += 1) {
      const metrics = new Metrics();
      const config = readConfig(env, (reader) => logicConfig(reader, deployment));
      cluster.logics.push(keep(await startLogic({ config, log, metrics, ...shared }), metrics));
    }
    for (let i = 0; i < jobs; i += 1) {
      const metrics = new Metrics();
      const config = readConfig(env, (reader) => jobConfig(reader, deployment));
      cluster.jobs.push(keep(await startJob({ config, log, metrics, listenHttp: true, ...shared }), metrics));
    }
    await Promise.all(cluster.jobs.map((job) => job.consuming));
    for (let i = 0; i < gateways; i += 1) {
      const metrics = new Metrics();
      const own = { ...env, NODE_ID: `gateway-${i}`, ...options.gatewayEnv };
      const config = readConfig(own, (reader) => gatewayConfig(reader, deployment));
      cluster.gateways.push(keep(await startGateway({ config, log, metrics, listenHttp: true, ...shared }), metrics));
    }
    await cluster.ready();
    return cluster;
  } catch (error) {
    await end();
    throw error;
  }
}

export interface Shared {
  bus: Bus;
  /** What the bus counts. */
  busMetrics: Metrics;
  deadLetters: DeadLetterLog;
  registry: Registry;
  history: HistoryStore;
  idempotency: IdempotencyStore;
}

async function inMemory(env: Record<string, string>): Promise<Shared> {
  const log = createLog(env.LOG_LEVEL!);
  const { policies, embeddedBusBytes: maxBytes } = readConfig(env, (reader) => jobConfig(reader, 'standalone'));
  const busMetrics = new Metrics();
  const options: BusOptions = {
    backend: 'embedded',
    shards: Number(env.SHARDS),
    maxBytes,
    log,
    metrics: busMetrics,
  };
  const bus = createBus(options);
  const deadLetters = createDeadLetterLog(options);
  await bus.open();
  const idempotency = createMemoryIdempotency({ pendingMs: 60_000, ttlMs: 86_400_000, maxBytes: 1024 ** 2 });
  const history = createMemoryHistory(policies);
  return { bus, busMetrics, deadLetters, registry: createMemoryRegistry(), history, idempotency };
}
