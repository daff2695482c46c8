import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Log, Metrics } from '@app/runtime';
import { Bus } from './bus.js';
import { DeadLetterLog } from './dead-letter-log.js';
import { EmbeddedBus, type EmbeddedBusOptions } from './embedded/embedded.bus.js';
import { EmbeddedDeadLetterLog } from './embedded/embedded.dead-letter-log.js';
import { KafkaBus } from './kafka/kafka.bus.js';
import { KafkaDeadLetterLog } from './kafka/kafka.dead-letter-log.js';
import type { KafkaBusOptions } from './kafka/kafka.options.js';

/** Which bus; an instance is one that was made outside and is shared by several applications of a process. */
export type BusOptions = {
  instance?: Bus | undefined;
  deadLetters?: DeadLetterLog | undefined;
  /** What the dead letters of the embedded bus may take. */
  deadLetterBytes?: number | undefined;
  log: Log;
  metrics: Metrics;
} & (({ backend: 'embedded' } & EmbeddedBusOptions) | ({ backend: 'kafka' } & KafkaBusOptions));

/** A bus that is not open yet. Opening and closing are its owner's: when, depends on what else starts and ends. */
export function createBus(options: BusOptions): Bus {
  if (options.instance) return options.instance;
  return options.backend === 'kafka' ? new KafkaBus(options) : new EmbeddedBus(options);
}

/** Where the dead records of such a bus are kept. Nothing is connected before it is needed; its maker closes it. */
export function createDeadLetterLog(options: BusOptions): DeadLetterLog {
  if (options.deadLetters) return options.deadLetters;
  if (options.backend === 'kafka') return new KafkaDeadLetterLog(options);
  const { deadLetterBytes: maxBytes, log, metrics } = options;
  return new EmbeddedDeadLetterLog({ maxBytes, log, metrics });
}

@Module({})
export class BusModule {
  /**
   * Provides and exports `Bus` and `DeadLetterLog`; who wires the application opens and closes the bus. Dead letters that
   * were handed in are their maker's to close; those made here close with the app.
   */
  static forRoot(options: BusOptions): DynamicModule {
    const deadLetters = createDeadLetterLog(options);
    return {
      module: BusModule,
      providers: [
        { provide: Bus, useValue: createBus(options) },
        { provide: DeadLetterLog, useValue: deadLetters },
        { provide: Closing, useValue: new Closing(options.deadLetters ? undefined : deadLetters) },
      ],
      exports: [Bus, DeadLetterLog],
    };
  }
}

class Closing implements OnApplicationShutdown {
  constructor(private readonly deadLetters: DeadLetterLog | undefined) {}

  async onApplicationShutdown(): Promise<void> {
    await this.deadLetters?.close();
  }
}
