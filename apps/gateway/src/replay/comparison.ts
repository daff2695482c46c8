import { backoffMs, type Clock, type Log } from '@app/runtime';
import type { ChannelTop } from '@app/history';
import type { Channel } from '@app/protocol';
import type { ChannelTable, LocalChannel } from '../room/channel-table.js';
import type { CurrentEpoch } from '../room/current-epoch.js';
import type { GapRepair, Passage } from './gap-repair.js';
import type { HistoryLook } from './history-look.js';
import { Pauses } from './pauses.js';

/** Channels whose tops are read in one pipeline; the next one waits for its answer, so that others get a turn. */
const pipelined = 500;

/** So long a message that history has and this node has not may be on its way here: fetched sooner it would overtake others. */
const graceMs = 1_000;

/**
 * Looks for what history has and nobody will bring any more, in all channels here: after the registry or a lane had lost
 * this node. Messages show what went before them; this finds the ones that nothing comes after.
 */
export class Comparison {
  private isRunning = false;
  private isAskedAgain = false;
  private readonly pauses: Pauses;

  constructor(
    private readonly look: HistoryLook,
    private readonly repair: GapRepair,
    private readonly channels: ChannelTable,
    private readonly epoch: CurrentEpoch,
    clock: Clock,
    private readonly log: Log,
  ) {
    this.pauses = new Pauses(clock);
  }

  /** Whatever history holds by now will have gone through here; however often it is asked for, one is under way and one follows. */
  ask(passage: Passage): void {
    this.isAskedAgain = true;
    if (!this.isRunning) void this.run(passage);
  }

  stop(): void {
    this.pauses.end();
  }

  private async run(passage: Passage): Promise<void> {
    this.isRunning = true;
    while (this.isAskedAgain && !this.pauses.areOver) {
      this.isAskedAgain = false;
      const behind = await this.behind();
      this.log.info({ channels: this.channels.size, behind: behind.size }, 'channels compared with history');
      void this.settle(behind, passage);
    }
    this.isRunning = false;
  }

  /** The channels that are behind history now, and where it stands. */
  private async behind(): Promise<Map<LocalChannel, ChannelTop>> {
    const behind = new Map<LocalChannel, ChannelTop>();
    for (const locals of this.groups()) {
      const tops = await this.tops(locals);
      for (const local of locals) {
        const top = tops?.get(local.channel);
        if (top && this.isBehind(local, top)) behind.set(local, top);
      }
    }
    return behind;
  }

  /** What does not come by itself is fetched; a channel in which something else is under way waits for that. */
  private async settle(behind: Map<LocalChannel, ChannelTop>, passage: Passage): Promise<void> {
    while (behind.size > 0) {
      await this.pauses.of(graceMs);
      if (this.pauses.areOver) return;
      for (const [local, top] of behind) {
        if (this.isBehind(local, top) && (this.repair.isBusy(local) || passage.isWaiting(local))) continue;
        behind.delete(local);
        if (this.isBehind(local, top)) this.repair.start(local, [], passage);
      }
    }
  }

  private isBehind(local: LocalChannel, top: ChannelTop): boolean {
    if (local.last === undefined || local.members.length === 0) return false;
    return top.epoch === this.epoch.value && top.offset > local.last;
  }

  private *groups(): Iterable<LocalChannel[]> {
    const byApp = new Map<string, LocalChannel[]>();
    for (const local of this.channels) {
      const locals = byApp.get(local.app);
      if (locals) locals.push(local);
      else byApp.set(local.app, [local]);
    }
    for (const locals of byApp.values())
      for (let from = 0; from < locals.length; from += pipelined) yield locals.slice(from, from + pipelined);
  }

  /** Insists until history answers; undefined when the process ends before. */
  private async tops(locals: readonly LocalChannel[]): Promise<Map<Channel, ChannelTop> | undefined> {
    const names = locals.map((local) => local.channel);
    for (let attempt = 1; !this.pauses.areOver; attempt += 1) {
      try {
        return await this.look.tops(locals[0]!.app, names);
      } catch (err) {
        this.log.warn({ err, attempt }, 'channels not compared with history yet');
        await this.pauses.of(backoffMs(attempt));
      }
    }
    return undefined;
  }
}
