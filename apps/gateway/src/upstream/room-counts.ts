import { setImmediate } from 'node:timers/promises';
import { roomOfChannel } from '@app/protocol';
import type { Census, NodeRef } from '@app/registry';
import type { Clock, Log, Timer } from '@app/runtime';
import type { LocalChannel } from '../room/channel-table.js';

const everyMs = 1_000;
/** Rooms in one write, so that neither this process nor the registry stands still. */
const chunk = 250;

/** Tells the registry once a second how many members rooms have here, those that changed. */
export class RoomCounts {
  private changed = new Set<LocalChannel>();
  private timer: Timer | undefined;
  private isTelling = false;

  constructor(
    private readonly census: Census,
    private readonly node: () => NodeRef,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  start(): void {
    this.timer = this.clock.every(everyMs, () => void this.tell());
  }

  stop(): void {
    this.timer?.stop();
  }

  /** What `ChannelTable` calls when a channel has more or fewer members; only rooms are counted. */
  touch(local: LocalChannel): void {
    if (local.channel.startsWith('room:')) this.changed.add(local);
  }

  /** Everything is told again: the registry has lost what this node had written. */
  assertAll(channels: Iterable<LocalChannel>): void {
    for (const local of channels) {
      local.reported = 0;
      this.touch(local);
    }
  }

  /** Resolves when what had changed is told, or will be tried again in a second. */
  async tell(): Promise<void> {
    if (this.isTelling || this.changed.size === 0) return;
    this.isTelling = true;
    const rooms = [...this.changed];
    this.changed = new Set();
    try {
      for (let at = 0; at < rooms.length; at += chunk) {
        if (at > 0) await setImmediate();
        await this.write(rooms.slice(at, at + chunk));
      }
    } catch (error) {
      this.log.debug({ err: error, rooms: rooms.length }, 'room counts not written, trying again');
      for (const local of rooms) this.again(local);
    } finally {
      this.isTelling = false;
    }
  }

  private async write(rooms: readonly LocalChannel[]): Promise<void> {
    const due = rooms.filter(isDue);
    const told = due.map(({ members }) => members.length);
    const reports = due.map(({ app, channel }, i) => ({
      key: `${app}/${roomOfChannel(channel)}`,
      members: told[i]!,
    }));
    const taken = await this.census.report(this.node(), reports);
    for (const [i, local] of due.entries()) {
      if (taken[i]) local.reported = told[i]!;
      // The registry does not know yet that the room is here.
      else this.again(local);
    }
  }

  private again(local: LocalChannel): void {
    if (isDue(local)) this.changed.add(local);
  }
}

/** An empty room is told of by the registrar. */
const isDue = ({ members, reported }: LocalChannel): boolean => members.length > 0 && members.length !== reported;
