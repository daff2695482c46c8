import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startKafka, type KafkaServer } from '../support/kafka-server.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { freePort } from '../support/server-process.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { FakeClock } from './fake-clock.js';
import { policies, shards } from './layout.js';
import type { SoakOptions } from './options.js';
import { SoakProcess, type Role } from './process.js';
import { SmallDisk } from './small-disk.js';

/** The whole system: servers, processes, and a proxy on every way between them. */
export class System {
  readonly processes: SoakProcess[] = [];
  /** Where clients connect, and where producers push. */
  readonly clientUrls: string[] = [];
  readonly restUrls: string[] = [];
  /** By what goes through them: `redis of g0`, `kafka`, `rpc to g0`. */
  readonly proxies = new Map<string, TcpProxy>();
  readonly clocks = new Map<SoakProcess, FakeClock>();
  redis: RedisServer | undefined;
  kafka: KafkaServer | undefined;
  disk: SmallDisk | undefined;

  private constructor(private readonly options: SoakOptions) {}

  /** Resolves when every process is ready. */
  static async start(options: SoakOptions): Promise<System> {
    const system = new System(options);
    try {
      mkdirSync(join(options.out, 'logs'), { recursive: true });
      if (options.bus === 'embedded') await system.startOne();
      else await system.startMany();
      for (const app of system.processes) {
        app.start();
        await until(() => app.isReady(), `${app.name} to be ready (see ${app.logFile})`, 60_000);
      }
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  of(...roles: Role[]): SoakProcess[] {
    return this.processes.filter(({ role }) => roles.includes(role));
  }

  async ready(withinMs: number): Promise<void> {
    for (const app of this.processes) await until(() => app.isReady(), `${app.name} to be ready again`, withinMs);
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((app) => app.kill('SIGKILL')));
    await Promise.all([this.kafka?.stop(), this.redis?.stop()]);
    await Promise.all([...this.proxies.values()].map((proxy) => proxy.close()));
    await this.disk?.unmount();
  }

  private async startOne(): Promise<void> {
    const [port, rest] = [await freePort(), await freePort()];
    this.clientUrls.push(`ws://127.0.0.1:${port}/connect`);
    this.restUrls.push(`http://127.0.0.1:${rest}`);
    await this.add('g0', 'standalone', { GATEWAY_PORT: String(port), LOGIC_PORT: String(rest), NODE_ID: 'g0' }, rest);
  }

  private async startMany(): Promise<void> {
    const kafkaPort = await freePort();
    const kafkaProxy = await this.proxy('kafka', `127.0.0.1:${kafkaPort}`);
    if (this.options.faults.includes('disk-full')) this.disk = await SmallDisk.mount();
    const advertised = kafkaProxy.address;
    [this.kafka, this.redis] = await Promise.all([
      startKafka({ port: kafkaPort, advertised, ...(this.disk && { dataFolder: this.disk.folder }) }),
      startRedis({ appendonly: true }),
    ]);
    const { gateways, jobs, logics } = this.options;
    for (let n = 0; n < logics; n += 1) await this.addLogic(n);
    for (let n = 0; n < jobs; n += 1) await this.addJob(n);
    for (let n = 0; n < gateways; n += 1) await this.addGateway(n);
  }

  private async addLogic(n: number): Promise<void> {
    const port = await freePort();
    this.restUrls.push(`http://127.0.0.1:${port}`);
    const rpc = await this.rpcThroughProxy(`l${n}`, 'LOGIC_RPC_PORT', 101 + n);
    await this.add(`l${n}`, 'logic', { ...rpc, LOGIC_PORT: String(port) }, port);
  }

  private async addJob(n: number): Promise<void> {
    const port = await freePort();
    await this.add(`j${n}`, 'job', { JOB_HTTP_PORT: String(port) }, port);
  }

  private async addGateway(n: number): Promise<void> {
    const [port, http] = [await freePort(), await freePort()];
    const url = `ws://127.0.0.1:${port}/connect`;
    this.clientUrls.push(url);
    const rpc = await this.rpcThroughProxy(`g${n}`, 'GATEWAY_RPC_PORT', 11 + n);
    const ports = { GATEWAY_PORT: String(port), GATEWAY_HTTP_PORT: String(http), PUBLIC_URL: url };
    await this.add(`g${n}`, 'gateway', { ...rpc, ...ports, NODE_ID: `g${n}` }, http);
  }

  /** Others are told another address of loopback with the same port, and there the proxy listens. */
  private async rpcThroughProxy(name: string, setting: string, host: number): Promise<Record<string, string>> {
    const port = await freePort();
    const proxy = await TcpProxy.to(`127.0.0.1:${port}`, { host: `127.0.0.${host}`, port });
    this.proxies.set(`rpc to ${name}`, proxy);
    return { [setting]: String(port), ADVERTISE: `127.0.0.${host}` };
  }

  private async proxy(name: string, target: string): Promise<TcpProxy> {
    const proxy = await TcpProxy.to(target);
    this.proxies.set(name, proxy);
    return proxy;
  }

  private async add(name: string, role: Role, env: Record<string, string>, healthPort: number): Promise<void> {
    const servers: Record<string, string> = {};
    if (this.redis && this.kafka) {
      const redis = await this.proxy(`redis of ${name}`, `127.0.0.1:${this.redis.port}`);
      Object.assign(servers, {
        REDIS_URL: `redis://${redis.address}`,
        KAFKA_BROKERS: this.proxies.get('kafka')!.address,
      });
    }
    const clock = this.options.faults.includes('clock-jump') ? FakeClock.of(name) : undefined;
    const log = join(this.options.out, 'logs', `${name}.log`);
    const settings = { ...common, LOG_LEVEL: this.options.logLevel, ...servers, ...env, ...clock?.env };
    const app = new SoakProcess(name, role, settings, log, `http://127.0.0.1:${healthPort}`, this.options.dist);
    this.processes.push(app);
    if (clock) this.clocks.set(app, clock);
  }
}

const common = {
  BIND: '127.0.0.1',
  AUTH_MODE: 'open',
  RPC_SECRET: 'a secret of this soak',
  SHARDS: String(shards),
  DRAIN_MS: '3000',
  HEARTBEAT_MS: '5000',
  TIMEOUT_MS: '15000',
  CHANNEL_POLICIES: policies,
  CONSOLE: '0',
  SWAGGER: '0',
};
