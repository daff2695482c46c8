import { CloseCode } from '@app/protocol';
import { notRetained } from '@app/protocol/wires';
import { backoffMs, type Clock, type Log, type Metrics } from '@app/runtime';
import type { LocalChannel } from '../room/channel-table.js';
import type { CurrentEpoch } from '../room/current-epoch.js';
import type { Placed } from '../room/message.js';
import type { HistoryLook, Page } from './history-look.js';
import { Pauses } from './pauses.js';
import { Turns } from './turns.js';

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
  /** What is to be read goes on behind this position. */
  epoch: string;
  after: number;
  waiting: Placed[];
  bytes: number;
}

export interface RepairLimits {
  /** What may wait behind the gaps: of one channel, and of all. Over it the channel's sessions are closed 4410. */
  bytesOfOne: number;
  bytesOfAll: number;
  /** Reads of history at a time. A lane that was cut leaves a gap in every channel. */
  reads: number;
}

const usual: RepairLimits = { bytesOfOne: 16 * 1024 ** 2, bytesOfAll: 64 * 1024 ** 2, reads: 32 };

/**
 * A message says which one went before it; when that is not the one that went through here, history is read once for the
 * channel, newer ones wait meanwhile, and all go on in order. What history no longer holds closes the channel's sessions 4410.
 */
export class GapRepair {
  private readonly repairs = new Map<LocalChannel, Repair>();
  private bytes = 0;
  private readonly turns: Turns;
  private readonly pauses: Pauses;
  private readonly lost;
  private readonly left;
  private readonly shutdown;
  private readonly repaired;

  constructor(
    private readonly look: HistoryLook,
    private readonly epoch: CurrentEpoch,
    clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
    private readonly limits: RepairLimits = usual,
  ) {
    this.turns = new Turns(limits.reads);
    this.pauses = new Pauses(clock);
    this.lost = metrics.dropped.labels('fanout', 'gap');
    this.left = metrics.dropped.labels('fanout', 'left');
    this.shutdown = metrics.dropped.labels('fanout', 'shutdown');
    this.repaired = metrics.counter('skylark_gateway_gaps_total', 'Gaps found in channels, by outcome', ['outcome']);
  }

  /** Whether messages of the channel must wait here. */
  isBusy(local: LocalChannel): boolean {
    if (this.repairs.size === 0) return false;
    const repair = this.repairs.get(local);
    if (!repair) return false;
    if (repair.epoch === this.epoch.value) return true;
    // Positions began again, and who was here was closed for that: nothing of now may wait for what was before.
    this.drop(local, repair, this.lost);
    return false;
  }

  /** Lets messages wait behind the gap. */
  hold(local: LocalChannel, placed: readonly Placed[]): void {
    const repair = this.repairs.get(local)!;
    for (const item of placed) {
      repair.waiting.push(item);
      repair.bytes += item.message.bytes;
      this.bytes += item.message.bytes;
    }
    const { bytesOfOne, bytesOfAll } = this.limits;
    if (repair.bytes <= bytesOfOne && this.bytes <= bytesOfAll) return;
    this.close(local, 'too much came meanwhile');
    this.drop(local, repair, this.lost);
    local.last = undefined;
  }

  /** The first of `placed` does not follow what went through here (or there is none: what history has newer is missing). */
  start(local: LocalChannel, placed: readonly Placed[], passage: Passage): void {
    const repair: Repair = { epoch: this.epoch.value, after: local.last!, waiting: [], bytes: 0 };
    this.repairs.set(local, repair);
    this.log.debug({ channel: local.key, last: local.last, prev: placed[0]?.prev }, 'gap found');
    void this.run(local, repair, passage);
    this.hold(local, placed);
  }

  /** Nobody is left to repair anything for. */
  stop(): void {
    this.pauses.end();
    for (const [local, repair] of this.repairs) this.drop(local, repair, this.shutdown);
  }

  private async run(local: LocalChannel, repair: Repair, passage: Passage): Promise<void> {
    const page = await this.read(local, repair);
    if (!this.isWanted(local, repair) || page === undefined) return;
    this.end(local, repair);
    const first = repair.waiting[0];
    const before = first === undefined ? -1 : Math.max(first.prev, first.after - 1);
    if (!page.recovered || page.top < before) this.close(local, 'history no longer holds it');
    else this.repaired.inc({ outcome: 'repaired' });
    const missed = page.missed.filter(({ message }) => message.offset < (first?.message.offset ?? Infinity));
    passage.replayed(local, missed);
    // Some may have expired: what comes next follows the one it names.
    if (first === undefined) local.last = Math.max(repair.after, page.top);
    else if (first.prev === notRetained) local.last = Math.max(repair.after, before);
    else local.last = before >= 0 ? before : undefined;
    passage.live(local, repair.waiting);
  }

  /** Insists until history answers; undefined when nobody wants it any more. */
  private async read(local: LocalChannel, repair: Repair): Promise<Page | undefined> {
    const since = { epoch: repair.epoch, offset: repair.after };
    for (let attempt = 1; this.isWanted(local, repair); attempt += 1) {
      try {
        return await this.turns.with(() => {
          if (!this.isWanted(local, repair)) return Promise.resolve(undefined);
          return this.look.page(local.app, local.channel, since);
        });
      } catch (err) {
        this.log.debug({ err, channel: local.key, attempt }, 'gap not read, trying again');
        await this.pauses.of(backoffMs(attempt));
      }
    }
    return undefined;
  }

  private isWanted(local: LocalChannel, repair: Repair): boolean {
    if (this.repairs.get(local) !== repair || !this.isBusy(local)) return false;
    if (local.members.length > 0) return true;
    this.drop(local, repair, this.left);
    return false;
  }

  private close(local: LocalChannel, why: string): void {
    const { key: channel, last, members } = local;
    this.log.warn({ channel, last, members: members.length, why }, 'gap not repaired');
    this.repaired.inc({ outcome: 'lost' });
    for (const session of members.slice()) session.close(CloseCode.gap);
  }

  private drop(local: LocalChannel, repair: Repair, reason: { inc(messages: number): void }): void {
    this.end(local, repair);
    reason.inc(repair.waiting.length);
  }

  private end(local: LocalChannel, repair: Repair): void {
    this.repairs.delete(local);
    this.bytes -= repair.bytes;
  }
}
