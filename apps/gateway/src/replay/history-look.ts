import { formatPosition, type Channel, type Position } from '@app/protocol';
import type { ChannelTop, HistoryPage, HistoryStore } from '@app/history';
import type { Clock, Metrics } from '@app/runtime';
import { noEpoch, type CurrentEpoch } from '../room/current-epoch.js';
import { Message, type Placed } from '../room/message.js';
import type { SessionTable } from '../session/session-table.js';
import { EpochWait } from './epoch-wait.js';

/** What a channel retained after a position, decoded once for all who ask for the same. */
export interface Page {
  epoch: string;
  top: number;
  recovered: boolean;
  missed: readonly Placed[];
}

interface Asking {
  channels: Set<Channel>;
  answer: Promise<Map<Channel, ChannelTop>>;
}

/** Reads history for all newcomers of a tick at once: a thousand who come back to a room cost one look and one read. */
export class HistoryLook {
  private readonly asking = new Map<string, Asking>();
  private readonly pages = new Map<string, Promise<Page>>();
  private readonly undecodable;
  private readonly epochs: EpochWait;

  constructor(
    private readonly history: HistoryStore,
    private readonly epoch: CurrentEpoch,
    private readonly sessions: SessionTable,
    clock: Clock,
    metrics: Metrics,
  ) {
    this.epochs = new EpochWait(history, clock);
    this.undecodable = metrics.dropped.labels('replay', 'undecodable');
  }

  /** Where channels stand, all in the epoch that is current then, which this gateway has adopted. */
  tops(app: string, channels: readonly Channel[]): Promise<Map<Channel, ChannelTop>> {
    let asking = this.asking.get(app);
    if (!asking) {
      const names = new Set<Channel>();
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        this.asking.delete(app);
        return this.readTops(app, [...names]);
      });
      asking = { channels: names, answer };
      this.asking.set(app, asking);
    }
    for (const channel of channels) asking.channels.add(channel);
    return asking.answer;
  }

  /** What a channel retained after `since`, read now. */
  async page(app: string, channel: Channel, since: Position): Promise<Page> {
    return this.decoded(await this.history.read(app, channel, since));
  }

  /** The same for a newcomer, whose registration lies before this tick: whoever asks in the same tick shares the page. */
  sharedPage(app: string, channel: Channel, since: Position): Promise<Page> {
    const key = `${app} ${formatPosition(since)} ${channel}`;
    let page = this.pages.get(key);
    if (!page) {
      page = this.page(app, channel, since);
      if (this.pages.size === 0) setImmediate(() => this.pages.clear());
      this.pages.set(key, page);
    }
    return page;
  }

  private decoded(read: HistoryPage): Page {
    const missed: Placed[] = [];
    for (const entry of read.entries) {
      const message = Message.read(entry.offset, entry.body, this.sessions);
      if (message) missed.push({ message, prev: entry.prev, after: 0, devices: entry.devices, rate: 0 });
      else this.undecodable.inc();
    }
    return { epoch: read.epoch, top: read.top, recovered: read.recovered, missed };
  }

  private async readTops(app: string, channels: Channel[]): Promise<Map<Channel, ChannelTop>> {
    const before = this.epoch.value;
    const [current = noEpoch, tops] = await Promise.all([
      this.history.currentEpoch(),
      this.history.tops(app, channels),
    ]);
    if (current !== noEpoch) this.epochs.found();
    else if (await this.epochs.appears()) return this.readTops(app, channels);
    // Unless a batch brought a newer one while we asked.
    if (current !== noEpoch && this.epoch.value === before) this.epoch.adopt(current);
    const none: ChannelTop = { epoch: this.epoch.value, offset: -1, floor: -1, seen: -1 };
    return new Map(channels.map((channel, i) => [channel, tops[i]!.epoch === this.epoch.value ? tops[i]! : none]));
  }
}
