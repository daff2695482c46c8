import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Log, Metrics } from '@app/runtime';
import { Bus } from './bus.js';
import { EmbeddedBus, type EmbeddedBusOptions } from './embedded/embedded.bus.js';
import { KafkaBus } from './kafka/kafka.bus.js';
import type { KafkaBusOptions } from './kafka/kafka.options.js';

/** Which bus; `instance` is one that was made outside and is shared by several applications of a process. */
export type BusOptions = { instance?: Bus | undefined; log: Log; metrics: Metrics } & (
  ({ backend: 'embedded' } & EmbeddedBusOptions) | ({ backend: 'kafka' } & KafkaBusOptions)
);

/** A bus that is not open yet. Opening and closing are its owner's: when, depends on what else starts and ends. */
export function createBus(options: BusOptions): Bus {
  if (options.instance) return options.instance;
  return options.backend === 'kafka' ? new KafkaBus(options) : new EmbeddedBus(options);
}

@Module({})
export class BusModule {
  /** Provides and exports `Bus`; who wires the application opens and closes it. */
  static forRoot(options: BusOptions): DynamicModule {
    return {
      module: BusModule,
      providers: [{ provide: Bus, useValue: createBus(options) }],
      exports: [Bus],
    };
  }
}
