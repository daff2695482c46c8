import { CloseCode } from '@app/protocol';
import { notRetained } from '@app/protocol/wires';
import { backoffMs, type Clock, type Log, type Metrics } from '@app/runtime';
import type { ChannelTable, LocalChannel } from '../room/channel-table.js';
import type { CurrentEpoch } from '../room/current-epoch.js';
import type { Placed } from '../room/message.js';
import type { HistoryLook, Page } from './history-look.js';

/** How messages go on once they may: fan-out is it. */
export interface Passage {
  /** Out of history, in order; their `prev` is not checked. */
  replayed(local: LocalChannel, placed: readonly Placed[]): void;
  /** As they came from job. */
  live(local: LocalChannel, placed: readonly Placed[]): void;
  /** What is newer than `last` may be here, waiting for its turn. */
  isWaiting(local: LocalChannel): boolean;
}

interface Repair {
  waiting: Placed[];
  bytes: number;
  /** All channels were compared meanwhile: what history has by then and nobody brings must be looked for once more. */
  isOutdated: boolean;
}

/**
 * A message says which one went before it; when that is not the one that went through here, history is read once for the
 * channel, newer ones wait meanwhile, and all go on in order. What history no longer holds closes the channel's sessions 4410.
 */
export class GapRepair {
  private readonly repairs = new Map<LocalChannel, Repair>();
  private readonly lost;
  private readonly repaired;

  constructor(
    private readonly look: HistoryLook,
    private readonly epoch: CurrentEpoch,
    private readonly channels: ChannelTable,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
    private readonly maxBytes = 16 * 1024 * 1024,
  ) {
    this.lost = metrics.dropped.labels('fanout', 'gap');
    this.repaired = metrics.counter('skylark_gateway_gaps_total', 'Gaps found in channels, by outcome', ['outcome']);
  }

  /** Whether messages of the channel must wait here. */
  isBusy(local: LocalChannel): boolean {
    return this.repairs.size > 0 && this.repairs.has(local);
  }

  /** Lets messages wait behind the gap. */
  hold(local: LocalChannel, placed: readonly Placed[]): void {
    const repair = this.repairs.get(local)!;
    for (const item of placed) {
      repair.waiting.push(item);
      repair.bytes += item.message.bytes;
    }
    if (repair.bytes > this.maxBytes) this.giveUp(local, repair, 'too much came meanwhile');
  }

  /** The first of `placed` does not follow what went through here (or there is none: what history has newer is missing). */
  start(local: LocalChannel, placed: readonly Placed[], passage: Passage): void {
    const repair: Repair = { waiting: [], bytes: 0, isOutdated: false };
    this.repairs.set(local, repair);
    this.log.info({ channel: local.key, last: local.last, prev: placed[0]?.prev }, 'gap found');
    void this.run(local, repair, passage);
    this.hold(local, placed);
  }

  /** After the registry had lost this node: whatever was not routed here meanwhile is fetched. */
  async compareAll(passage: Passage): Promise<void> {
    for (const repair of this.repairs.values()) repair.isOutdated = true;
    const known = [...this.channels].filter((local) => local.last !== undefined && !this.isBusy(local));
    for (const app of new Set(known.map((local) => local.app))) {
      const locals = known.filter((local) => local.app === app);
      const names = locals.map((local) => local.channel);
      const tops = await this.look.tops(app, names);
      for (const local of locals) {
        const repair = this.repairs.get(local);
        if (repair) repair.isOutdated = true;
        else if (local.last !== undefined && tops.get(local.channel)!.offset > local.last && !passage.isWaiting(local))
          this.start(local, [], passage);
      }
    }
  }

  private async run(local: LocalChannel, repair: Repair, passage: Passage): Promise<void> {
    const since = { epoch: this.epoch.value, offset: local.last! };
    const page = await this.read(local, repair, since.offset);
    if (page === undefined) return;
    this.repairs.delete(local);
    if (this.epoch.value !== since.epoch) return this.drop(local, repair.waiting);
    const first = repair.waiting[0];
    if (!page.recovered || page.top < (first?.prev ?? -1)) this.close(local, 'history no longer holds it');
    else this.repaired.inc({ outcome: 'repaired' });
    const missed = page.missed.filter(({ message }) => message.offset < (first?.message.offset ?? Infinity));
    passage.replayed(local, missed);
    // Some may have expired: what comes next follows the one it names.
    if (first === undefined) local.last = Math.max(since.offset, page.top);
    else if (first.prev !== notRetained) local.last = first.prev >= 0 ? first.prev : undefined;
    passage.live(local, repair.waiting);
    if (!repair.isOutdated || local.last === undefined) return;
    const next = this.repairs.get(local);
    if (next) next.isOutdated = true;
    else if (!passage.isWaiting(local)) this.start(local, [], passage);
  }

  /** Undefined when the repair is over meanwhile. */
  private async read(local: LocalChannel, repair: Repair, offset: number): Promise<Page | undefined> {
    const { value: epoch } = this.epoch;
    for (let attempt = 1; this.repairs.get(local) === repair; attempt += 1) {
      try {
        const page = await this.look.page(local.app, local.channel, { epoch, offset });
        return this.repairs.get(local) === repair ? page : undefined;
      } catch (error) {
        this.log.warn({ err: error, channel: local.key, attempt }, 'gap not read, trying again');
        await new Promise<void>((resolve) => this.clock.after(backoffMs(attempt), resolve));
      }
    }
    return undefined;
  }

  private giveUp(local: LocalChannel, repair: Repair, why: string): void {
    this.repairs.delete(local);
    this.close(local, why);
    this.drop(local, repair.waiting);
  }

  private close(local: LocalChannel, why: string): void {
    this.log.warn({ channel: local.key, last: local.last, members: local.members.length, why }, 'gap not repaired');
    this.repaired.inc({ outcome: 'lost' });
    for (const session of local.members) session.close(CloseCode.gap);
  }

  private drop(local: LocalChannel, waiting: readonly Placed[]): void {
    this.lost.inc(waiting.length);
    local.last = undefined;
  }
}
