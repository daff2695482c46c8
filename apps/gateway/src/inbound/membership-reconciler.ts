import type { Channel } from '@app/protocol';
import { backoffMs, type Clock, type Log } from '@app/runtime';
import type { Session } from '../session/session.js';
import type { SessionTable } from '../session/session-table.js';
import type { LastingRooms } from '../upstream/lasting-rooms.js';
import type { Commands } from './commands.js';

/** Users whose rooms are read at a time; the next ones wait, so that others get a turn. */
const together = 500;

/**
 * Who changed the rooms of a user while this node counted as dead has not asked it: a hung gateway whose lease was over, or
 * one that was cut off from the registry. Once the registry knows this node again, what it has of them is made so here.
 */
export class MembershipReconciler {
  /** Of the store, when it was looked at last. */
  private life: string | undefined;

  constructor(
    private readonly sessions: SessionTable,
    private readonly lasting: LastingRooms,
    private readonly commands: Pick<Commands, 'putInto' | 'takeOutOf'>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Notes which store this is: in one that was emptied meanwhile nobody is a member, and still nobody is taken out for that. */
  async start(): Promise<void> {
    this.life = await this.lasting.life().catch(() => undefined);
  }

  /**
   * Resolves when all who were here are in the rooms that they are to stay in, and in none that they were taken out of.
   * @throws when the registry does not answer
   */
  async run(): Promise<void> {
    const life = await this.lasting.life();
    const isSame = life === this.life;
    const users = [...this.sessions].filter(({ user }) => user !== undefined);
    const newcomers = users.filter(isArriving);
    await this.settle(users.filter(isLive), isSame);
    this.life = life;
    void this.follow(newcomers, isSame);
  }

  /** Who was on its way in may have read its rooms before we were away, and is not changed before it is welcomed. */
  private async follow(newcomers: readonly Session[], takesOut: boolean): Promise<void> {
    for (let attempt = 1; newcomers.length > 0; attempt += 1) {
      await new Promise<void>((resolve) => this.clock.after(backoffMs(attempt), resolve));
      if (newcomers.some(isArriving)) continue; // each is welcomed, or closed, in some seconds
      try {
        return await this.settle(newcomers.filter(isLive), takesOut);
      } catch (err) {
        this.log.warn({ err, attempt }, 'rooms of newcomers not compared yet');
      }
    }
  }

  /** Whoever was changed is looked at again: somebody may have said the opposite while we read. */
  private async settle(sessions: readonly Session[], takesOut: boolean): Promise<void> {
    for (let left = sessions; left.length > 0;) {
      const changed: Session[] = [];
      for (let at = 0; at < left.length; at += together) {
        changed.push(...(await this.reconcile(left.slice(at, at + together), takesOut)));
      }
      if (changed.length > 0) this.log.info({ sessions: changed.length }, 'rooms of users changed while we were away');
      left = changed;
    }
  }

  /** Those that were changed. */
  private async reconcile(sessions: readonly Session[], takesOut: boolean): Promise<Session[]> {
    const before = sessions.map(({ lasting }) => [...(lasting ?? [])]);
    const now = await Promise.all(sessions.map(({ app, user }) => this.lasting.of(app, user!)));
    const done = sessions.map(async (session, i) => {
      // What was said to us while we read is newer than what we read.
      const isKnown = (channel: Channel) => session.lasting?.has(channel) ?? false;
      const missing = now[i]!.filter((channel) => !before[i]!.includes(channel) && !isKnown(channel));
      const over = takesOut ? before[i]!.filter((channel) => !now[i]!.includes(channel) && isKnown(channel)) : [];
      for (const channel of missing) await this.commands.putInto(session, channel, true);
      for (const channel of over) this.commands.takeOutOf(session, channel, true);
      return missing.length + over.length > 0 && isLive(session) ? [session] : [];
    });
    return (await Promise.all(done)).flat();
  }
}

const isLive = ({ state }: Session): boolean => state === 'live';
const isArriving = ({ state }: Session): boolean => state === 'arriving';
