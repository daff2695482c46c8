import { Injectable } from '@nestjs/common';
import type { BusEntry, OwnedShard } from '@app/bus';
import { HistoryStore } from '@app/history';
import { Dispatcher } from './dispatch/dispatcher.js';
import { Router } from './route/router.js';
import { Reader, type ReadRecord } from './shard/reader.js';
import type { ShardRun } from './shard/shard-run.js';
import { ShardRuns } from './shard/shard-runs.js';

/**
 * The way of a record through job: read, retain, route, hand over; the commit follows behind.
 *
 * A shard is one in-order street. Nothing here waits for a gateway: lanes take what comes and hold the shard back when they
 * are full, and the shard is committed up to the lowest offset that some lane has not acknowledged (`Watermark`).
 * An outage of history or registry stops the street until it is over; a lost shard ends it.
 */
@Injectable()
export class Pipeline {
  constructor(
    private readonly runs: ShardRuns,
    private readonly reader: Reader,
    private readonly history: HistoryStore,
    private readonly router: Router,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Resolves when the entries are in history and in their lanes, which is not yet when they are delivered. */
  async take(shard: OwnedShard, entries: readonly BusEntry[]): Promise<void> {
    const run = await this.runs.of(shard);
    try {
      if (run.ended || this.runs.isClosing) return;
      const records = await this.reader.read(run, entries);
      if (records.length > 0) await this.carry(run, records);
      if (!run.ended) run.watermark.read(entries.at(-1)!.offset);
    } catch (error) {
      if (!run.ended) throw error;
    }
  }

  private async carry(run: ShardRun, records: readonly ReadRecord[]): Promise<void> {
    const kept = await run.insist('history', () => this.history.append(run.owner, records));
    // After the append, or a newcomer could miss one: it reads history after it has written the registry.
    const routes = await run.insist('registry', () => this.router.route(records));
    if (!run.ended) this.dispatcher.dispatch(run, records, kept, routes);
  }
}
