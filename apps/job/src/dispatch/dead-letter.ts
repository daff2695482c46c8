import { Injectable } from '@nestjs/common';
import { Log } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';

/** A record that cannot be delivered, ever; the shard went on without it. */
export interface DeadLetter {
  shard: number;
  offset: number;
  reason: 'undecodable';
  /** As it stood on the bus. */
  value: Buffer;
}

/** Where dead records go. */
export abstract class DeadLetters {
  /** Resolves once it is kept, or was told where nothing keeps it. */
  abstract put(letter: DeadLetter): Promise<void>;
}

/** Tells of dead records and keeps none. */
@Injectable()
export class LoggedDeadLetters extends DeadLetters {
  constructor(
    private readonly metrics: JobMetrics,
    private readonly log: Log,
  ) {
    super();
  }

  put({ shard, offset, reason, value }: DeadLetter): Promise<void> {
    this.metrics.dead.inc({ reason });
    this.log.warn({ shard, offset, reason, bytes: value.length }, 'dead record');
    return Promise.resolve();
  }
}
