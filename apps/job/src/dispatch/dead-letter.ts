import { Injectable } from '@nestjs/common';
import { DeadLetterLog, errorText, type BusEntry } from '@app/bus';
import { Clock, Log } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import type { ShardRun } from '../shard/shard-run.js';

/** A record that cannot be delivered; the shard goes on without it. */
export interface Death {
  /** `failing`: alone, again and again, while everything else was well. */
  reason: 'undecodable' | 'failing';
  error: unknown;
  /** As it stood on the bus. */
  entry: BusEntry;
  /** Undefined when it cannot be read. */
  messageId?: string;
}

/** Where dead records go. */
export abstract class DeadLetters {
  /** Resolves once it is kept, which an outage delays. @throws when the run is over before. */
  abstract put(run: ShardRun, death: Death): Promise<void>;
}

/** Keeps them in the bus's own log, counts them and says so. */
@Injectable()
export class KeptDeadLetters extends DeadLetters {
  constructor(
    private readonly letters: DeadLetterLog,
    private readonly clock: Clock,
    private readonly metrics: JobMetrics,
    private readonly log: Log,
    /** The name of this process, for people. */
    private readonly job: string,
  ) {
    super();
  }

  async put(run: ShardRun, { reason, error, entry, messageId }: Death): Promise<void> {
    const { offset, key = Buffer.alloc(0), value } = entry;
    const { shard, epoch } = run;
    const text = errorText(error);
    await this.letters.put(
      {
        source: { epoch, shard, offset },
        reason,
        error: text,
        diedAtMs: this.clock.now(),
        job: this.job,
        messageId,
        key,
        value,
      },
      run.signal,
    );
    this.metrics.dead.inc({ reason });
    this.log.warn({ shard, offset, reason, error: text, id: messageId, bytes: value.length }, 'dead record');
  }
}
