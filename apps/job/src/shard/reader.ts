import { Injectable } from '@nestjs/common';
import type { BusEntry } from '@app/bus';
import { isAppId, parseChannel } from '@app/protocol';
import { recordCodec, type PushRecord } from '@app/protocol/wires';
import { Clock } from '@app/runtime';
import { DeadLetters } from '../dispatch/dead-letter.js';
import { JobMetrics } from '../job.metrics.js';
import type { ShardRun } from './shard-run.js';

/** A record and its place in the shard. */
export interface ReadRecord extends PushRecord {
  offset: number;
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
    const records: ReadRecord[] = [];
    const now = this.clock.now();
    for (const { offset, value } of entries) {
      const record = decode(value);
      if (!record) await this.dead.put({ shard: run.shard, offset, reason: 'undecodable', value });
      else if (run.recentIds.isRepeat(record.id, record.part, offset)) this.drop('duplicate');
      else if (record.expiresAtMs > 0 && record.expiresAtMs <= now) this.drop('expired');
      else records.push(Object.assign(record, { offset }));
    }
    return records;
  }

  private drop(reason: 'duplicate' | 'expired'): void {
    this.metrics.dropped.inc({ stage: 'job', reason });
  }
}

/** Undefined for what is no record, or lacks what every record has. Fields of later versions are no harm. */
function decode(value: Buffer): PushRecord | undefined {
  try {
    const record = recordCodec.decode(value);
    const { app, id, targets, body } = record;
    const isWhole = isAppId(app) && id !== '' && body.length > 0 && targets.length > 0;
    return isWhole && targets.every(({ channel }) => parseChannel(channel)) ? record : undefined;
  } catch {
    return undefined;
  }
}
