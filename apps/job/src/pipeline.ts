import { Injectable } from '@nestjs/common';
import type { BusEntry, OwnedShard } from '@app/bus';
import { HistoryStore, isRetained, type Kept } from '@app/history';
import { Dispatcher } from './dispatch/dispatcher.js';
import { Router } from './route/router.js';
import { Reader, type ReadRecord } from './shard/reader.js';
import { replayed } from './shard/replayed.js';
import type { ShardRun } from './shard/shard-run.js';
import { ShardRuns } from './shard/shard-runs.js';
import { Sieve, type Sifted } from './shard/sieve.js';

/**
 * The way of a record through job: read, retain, route, hand over; the commit follows behind.
 *
 * A shard is one in-order street. Nothing here waits for a gateway: lanes take what comes and hold the shard back when they
 * are full, and the shard is committed up to the lowest offset that some lane has not acknowledged (`Watermark`).
 * An outage of history or registry stops the street until it is over; a lost shard ends it; a record that fails alone
 * leaves it (`Sieve`).
 */
@Injectable()
export class Pipeline {
  constructor(
    private readonly runs: ShardRuns,
    private readonly reader: Reader,
    private readonly history: HistoryStore,
    private readonly router: Router,
    private readonly dispatcher: Dispatcher,
    private readonly sieve: Sieve,
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

  /** Of what owners before us handed over: what comes again is known by it. */
  async remember(shard: OwnedShard, entries: readonly BusEntry[]): Promise<void> {
    const run = await this.runs.of(shard);
    if (!run.ended) this.reader.remember(run, entries);
  }

  private async carry(run: ShardRun, read: readonly ReadRecord[]): Promise<void> {
    const retained = await this.retain(run, read);
    if (run.ended) return;
    run.retained.acknowledged(retained.records, retained.answers);
    if (retained.answers.some(isRetained)) this.holdUntilReplicated(run, read[0]!.offset);
    // After the append, or a newcomer could miss one: it reads history after it has written the registry.
    const places = new Map(retained.records.map((record, i) => [record, retained.answers[i]!]));
    const { records, answers: routes } = await this.sieve.pass(run, retained.records, {
      what: 'registry',
      take: (some) => this.router.route(some),
      witness: async () => [await this.history.probe(run.owner), await this.router.route([nobody])],
    });
    if (run.ended) return;
    const kept = records.map((record) => places.get(record)!);
    for (const { record, error } of this.dispatcher.dispatch(run, records, kept, routes)) {
      await this.sieve.bury(run, record, error);
    }
  }

  private async retain(run: ShardRun, read: readonly ReadRecord[]): Promise<Sifted<Kept[number]>> {
    const step = {
      what: 'history',
      take: (some: readonly ReadRecord[]) => this.history.append(run.owner, some),
      witness: () => this.history.probe(run.owner),
    };
    const { records, answers } = await this.sieve.pass(run, read, step);
    if (!records.some(({ entry }, i) => entry.replayOf !== undefined && answers[i] === 'duplicate')) {
      return { records, answers };
    }
    return replayed(records, answers, (targets) => run.insist('history', () => step.take(targets)));
  }

  /** Delivered at once, but committed only when a failover would not lose it: the street waits where that takes too long. */
  private holdUntilReplicated(run: ShardRun, from: number): void {
    const replicated = this.history.replicated(run.owner);
    if (!replicated) return;
    const hold = run.watermark.expect(from, 1);
    const isAhead = run.watermark.pending > maxAhead;
    if (isAhead) run.hold();
    const goOn = () => {
      run.watermark.acknowledged([hold]);
      if (isAhead) run.letGo();
    };
    let asked: Promise<void> | undefined = replicated;
    run
      .insist('replicas', async () => {
        const first = asked;
        asked = undefined;
        await (first ?? this.history.replicated(run.owner));
      })
      .then(goOn)
      .catch(() => {}); // the run is over
  }
}

/** Records of a shard that may be delivered and not committed while replicas are waited for: all are kept in mind. */
const maxAhead = 10_000;

/** Goes nowhere: what the registry is asked for when it must be told whether it answers. */
const nobody = {
  app: 'default',
  targets: [
    { channel: 'user:-', devices: [] },
    { channel: 'room:-', devices: [] },
  ],
};
