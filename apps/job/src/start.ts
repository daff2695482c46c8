import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus } from '@app/bus';
import { HistoryStore } from '@app/history';
import { NodeDirectory } from '@app/registry';
import {
  createLog,
  explainListen,
  fastifyTimes,
  Metrics,
  NestLog,
  Readiness,
  SystemClock,
  type Log,
  type Running,
} from '@app/runtime';
import { JobModule, type JobParts } from './job.module.js';
import { BusServer } from './records.server.js';
import { ShardRuns } from './shard/shard-runs.js';

export type { JobParts };

export interface RunningJob extends Running {
  log: Log;
  metrics: Metrics;
  /** Where health and metrics are; undefined when they are not. */
  httpPort: number | undefined;
  /** Resolves once records are asked for, which an absent bus delays; rejects when they never will be. */
  consuming: Promise<void>;
}

/**
 * Starts job. Resolves when health is there; the bus may still be waited for.
 * @throws ListenError
 */
export async function startJob(parts: JobParts): Promise<RunningJob> {
  const { config, log = createLog(config.logLevel, { app: 'job' }), clock = new SystemClock() } = parts;
  const { metrics = new Metrics().collectProcess(), readiness = new Readiness() } = parts;
  const app = await NestFactory.create<NestFastifyApplication>(
    JobModule.forRoot({ ...parts, log, clock, metrics, readiness }),
    new FastifyAdapter(fastifyTimes(config)),
    { logger: new NestLog(log), abortOnError: false },
  );
  const bus = app.get(Bus);
  const history = app.get(HistoryStore);
  const nodes = app.get(NodeDirectory);
  readiness.add('bus', () => bus.problem());
  readiness.add('history', () => history.problem());
  readiness.add('registry', () => nodes.problem());
  const runs = app.get(ShardRuns);
  runs.watch(clock);
  const strategy = new BusServer(bus, parts.bus === undefined, (life) => runs.nameEpoch(life));
  app.connectMicroservice({ strategy });

  let httpPort: number | undefined;
  if (parts.listenHttp) {
    try {
      await app.listen(config.httpPort, config.bind);
    } catch (error) {
      await app.close();
      explainListen(error, 'JOB_HTTP_PORT', config.bind, config.httpPort);
    }
    httpPort = (app.getHttpServer().address() as AddressInfo).port;
    log.info({ bind: config.bind, port: httpPort }, 'health and metrics listen');
  } else {
    await app.init();
  }
  let closing = false;
  const consuming = app.startAllMicroservices().then(
    () => log.info({ shards: bus.shards }, 'consuming'),
    (error: unknown) => {
      if (!closing) throw error;
    },
  );
  consuming.catch(() => {}); // whoever started us hears of it; that nobody listens is no crash

  return {
    log,
    metrics,
    httpPort,
    consuming,
    close: async () => {
      closing = true;
      await runs.close(clock, config.laneStallMs);
      if (!parts.bus) await bus.close();
      await app.close();
    },
  };
}
