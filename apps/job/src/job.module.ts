import { Module, type DynamicModule } from '@nestjs/common';
import { hostname } from 'node:os';
import { BusModule, DeadLetterLog, type Bus } from '@app/bus';
import { HistoryModule, type HistoryStore } from '@app/history';
import { RegistryModule, type Registry } from '@app/registry';
import { Clock, HealthModule, Log, type Metrics, type Readiness } from '@app/runtime';
import { DeadLetters, KeptDeadLetters } from './dispatch/dead-letter.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { GatewayClients } from './dispatch/gateway-clients.js';
import { LaneGround, Lanes } from './dispatch/lanes.js';
import type { JobConfig } from './job.config.js';
import { JobMetrics } from './job.metrics.js';
import { Pipeline } from './pipeline.js';
import { RecordsController } from './records.controller.js';
import { LaneStates } from './route/route.js';
import { Router } from './route/router.js';
import { Reader } from './shard/reader.js';
import { ShardRuns } from './shard/shard-runs.js';
import { Sieve } from './shard/sieve.js';

/** What job runs on. An instance that is given is used, and is its maker's to open and close; what is missing is made. */
export interface JobParts {
  config: JobConfig;
  bus?: Bus;
  deadLetters?: DeadLetterLog;
  registry?: Registry;
  history?: HistoryStore;
  metrics?: Metrics;
  readiness?: Readiness;
  log?: Log;
  clock?: Clock;
  /** Health and metrics on `config.httpPort`. */
  listenHttp: boolean;
}

/** The wiring of job, and the only place that knows its backends. */
@Module({})
export class JobModule {
  static forRoot(parts: JobParts & { log: Log; clock: Clock; metrics: Metrics; readiness: Readiness }): DynamicModule {
    const { config, log, clock, metrics, readiness, bus, deadLetters, registry, history } = parts;
    const { policies, shards, kafka } = config;
    const redis = { backend: 'redis', url: config.redisUrl, prefix: config.redisPrefix } as const;
    const isKafka = config.bus === 'kafka' && !bus;
    const jobMetrics = new JobMetrics(metrics);
    return {
      module: JobModule,
      imports: [
        HealthModule.forRoot({ readiness, metrics }),
        BusModule.forRoot(
          isKafka
            ? {
                backend: 'kafka',
                ...kafka,
                shards,
                clientId: 'skylark-job',
                deadLetters,
                log,
                metrics,
                clock,
              }
            : {
                backend: 'embedded',
                instance: bus,
                deadLetters,
                deadLetterBytes: config.embeddedDeadBytes,
                shards,
                log,
                metrics,
              },
        ),
        RegistryModule.forRoot({
          log,
          ...(registry || config.registry === 'memory' ? { backend: 'memory', instance: registry } : redis),
        }),
        HistoryModule.forRoot({
          policies,
          log,
          metrics,
          ...(history || config.registry === 'memory'
            ? { backend: 'memory', instance: history }
            : { ...redis, replicas: config.replicas }),
        }),
      ],
      controllers: [RecordsController],
      providers: [
        { provide: Log, useValue: log },
        { provide: Clock, useValue: clock },
        { provide: JobMetrics, useValue: jobMetrics },
        {
          provide: LaneGround,
          useValue: new LaneGround(
            { windowBytes: config.laneWindowBytes, stallMs: config.laneStallMs },
            clock,
            jobMetrics,
            log,
          ),
        },
        { provide: GatewayClients, useValue: new GatewayClients(config.rpcSecret, log, config.rpcTls) },
        { provide: LaneStates, useExisting: GatewayClients },
        {
          provide: DeadLetters,
          useFactory: (letters: DeadLetterLog) =>
            new KeptDeadLetters(letters, clock, jobMetrics, log, `${hostname()}/${process.pid}`),
          inject: [DeadLetterLog],
        },
        ShardRuns,
        Reader,
        Router,
        Lanes,
        Dispatcher,
        Sieve,
        Pipeline,
      ],
    };
  }
}
