import { Injectable } from '@nestjs/common';
import type { BusEntry } from '@app/bus';
import { readRecord, type PushRecord } from '@app/protocol/wires';
import { Clock } from '@app/runtime';
import { DeadLetters } from '../dispatch/dead-letter.js';
import { JobMetrics } from '../job.metrics.js';
import type { ShardRun } from './shard-run.js';

/** A record and its place in the shard. */
export interface ReadRecord extends PushRecord {
  offset: number;
  /** As it stood on the bus. */
  entry: BusEntry;
}

/** Reads entries of the bus. What cannot be read, came before under another offset, or is too old leaves the street here. */
@Injectable()
export class Reader {
  constructor(
    private readonly dead: DeadLetters,
    private readonly metrics: JobMetrics,
    private readonly clock: Clock,
  ) {}

  async read(run: ShardRun, entries: readonly BusEntry[]): Promise<ReadRecord[]> {
    this.metrics.records.inc(entries.length);
    run.tally.read(entries);
    const records: ReadRecord[] = [];
    const now = this.clock.now();
    for (const entry of entries) {
      const { offset, value, replayOf } = entry;
      const record = readRecord(value);
      if (record instanceof Error) {
        await this.dead.put(run, { reason: 'undecodable', error: record, entry });
        run.tally.mark(offset, 'dead');
      } else if (run.recentIds.isRepeat(record.id, record.part, offset, replayOf)) this.drop(run, offset, 'duplicate');
      else if (record.expiresAtMs > 0 && record.expiresAtMs <= now) this.drop(run, offset, 'expired');
      else records.push(Object.assign(record, { offset, entry }));
    }
    return records;
  }

  remember(run: ShardRun, entries: readonly BusEntry[]): void {
    for (const { offset, value, replayOf } of entries) {
      const record = readRecord(value);
      if (!(record instanceof Error)) run.recentIds.isRepeat(record.id, record.part, offset, replayOf);
    }
  }

  private drop(run: ShardRun, offset: number, reason: 'duplicate' | 'expired'): void {
    run.tally.mark(offset, reason);
    this.metrics.dropped.inc({ stage: 'job', reason });
  }
}
