import type { PresenceReport } from '@app/rpc';
import type { Clock, Log, Metrics, Timer } from '@app/runtime';
import type { ChannelTable, LocalChannel } from '../room/channel-table.js';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import type { LogicClient } from './logic.client.js';

export interface PresenceLimits {
  /** In larger rooms nobody is told of anybody. */
  maxMembers: number;
  /** Changes of one room that this gateway tells in a second. */
  perSecond: number;
}

const everyMs = 200;
/** Changes in one question, so that neither logic nor the bus stands still. */
const atOnce = 500;

type Change = PresenceReport['changes'][number];

/** A room that somebody here came into or left, and whose policy asks for presence. */
interface Told {
  app: string;
  room: string;
  /** By connection; what cancels out is told to nobody. */
  changes: Map<string, Change>;
  /** Sessions here that were told of. */
  present: Set<Session>;
  /** Changes that may be told now. */
  budget: number;
  isLost: boolean;
  isCrowded: boolean;
}

/**
 * Tells who comes into rooms and who leaves them: gathered, then by logic and the bus to all members, wherever they are. What
 * is too much, or cannot be told, is dropped, and the members hear that something is missing as soon as that can be told.
 */
export class RoomPresence {
  private readonly rooms = new Map<string, Told>();
  private readonly dropped;
  private timer: Timer | undefined;
  private telling: Promise<void> | undefined;
  private refilledAtMs: number;

  constructor(
    private readonly logic: Pick<LogicClient, 'tellPresence'>,
    private readonly sessions: SessionTable,
    private readonly channels: Pick<ChannelTable, 'get'>,
    private readonly limits: PresenceLimits,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.refilledAtMs = clock.monotonic();
    const { dropped } = metrics;
    this.dropped = {
      crowd: dropped.labels('presence', 'crowd'),
      rate: dropped.labels('presence', 'rate'),
      logic: dropped.labels('presence', 'logic'),
    };
  }

  start(): void {
    this.timer = this.clock.every(everyMs, () => void this.tell());
  }

  stop(): void {
    this.timer?.stop();
  }

  /** What `ChannelTable` calls when a session came into a channel or left one. */
  moved(session: Session, local: LocalChannel, isIn: boolean): void {
    const { channel, app, key } = local;
    let told = this.rooms.get(key);
    if (!isIn) {
      if (told?.present.delete(session)) this.change(told, session, false);
      return;
    }
    if (!channel.startsWith(prefix)) return;
    const room = channel.slice(prefix.length);
    if (!session.rights?.wantsPresence(room)) return;
    if (!told) {
      const fresh = { changes: new Map<string, Change>(), present: new Set<Session>() };
      told = { app, room, ...fresh, budget: this.limits.perSecond, isLost: false, isCrowded: false };
      this.rooms.set(key, told);
    }
    told.present.add(session);
    this.change(told, session, true);
  }

  /** Nobody here is in a room with presence. */
  get isIdle(): boolean {
    return this.rooms.size === 0;
  }

  /** Rooms of which somebody here is told of, with the members that are here. */
  *here(): Generator<{ room: string; members: readonly Session[] }> {
    for (const { app, room, present } of this.rooms.values()) {
      if (present.size === 0) continue;
      yield { room, members: this.channels.get(app, prefix + room)?.members ?? [] };
    }
  }

  /** Others were told that everybody here is gone: that they are here is told again. */
  assertAll(): void {
    for (const told of this.rooms.values()) for (const session of told.present) this.change(told, session, true);
  }

  /** Tells what there is, one question at a time. Never rejects. */
  tell(): Promise<void> {
    this.telling ??= this.run().finally(() => (this.telling = undefined));
    return this.telling;
  }

  /** Resolves when all that happened before was told, or dropped. */
  async settled(): Promise<void> {
    await this.telling;
    await this.tell();
  }

  private change(told: Told, session: Session, isIn: boolean): void {
    const connection = this.sessions.connectionIdOf(session);
    const before = told.changes.get(connection);
    if (before && before.isIn !== isIn) told.changes.delete(connection);
    else told.changes.set(connection, { connection, ...(session.user !== undefined && { user: session.user }), isIn });
    // Too many to be told anyway: they need not be kept.
    if (told.changes.size > this.limits.perSecond) this.lose(told, this.isLarge(told) ? 'crowd' : 'rate');
  }

  private async run(): Promise<void> {
    this.refill();
    const due = this.due();
    for (let from = 0, to = 0; from < due.length; from = to) {
      for (let changes = 0; to < due.length && changes < atOnce; to += 1) changes += 1 + due[to]!.report.changes.length;
      await this.ask(due.slice(from, to));
    }
    for (const [key, { changes, present, isLost }] of this.rooms)
      if (changes.size === 0 && present.size === 0 && !isLost) this.rooms.delete(key);
  }

  private async ask(due: readonly { told: Told; report: PresenceReport }[]): Promise<void> {
    try {
      const { crowded } = await this.logic.tellPresence(due.map(({ report }) => report));
      due.forEach(({ told, report }, i) => {
        told.isCrowded = crowded[i]! || this.isLarge(told);
        if (crowded[i]) this.dropped.crowd.inc(report.changes.length);
      });
    } catch (error) {
      this.log.debug({ err: error, rooms: due.length }, 'presence not told');
      for (const { told, report } of due) {
        this.dropped.logic.inc(report.changes.length);
        told.isLost = true;
        told.budget = 0;
      }
    }
  }

  private due(): { told: Told; report: PresenceReport }[] {
    const due = [];
    for (const told of this.rooms.values()) {
      const report = this.reportOf(told);
      if (report) due.push({ told, report });
    }
    return due;
  }

  /** Undefined: nothing can be told now. */
  private reportOf(told: Told): PresenceReport | undefined {
    const { app, room, isCrowded } = told;
    if (this.isLarge(told)) {
      if (told.changes.size > 0) this.lose(told, 'crowd');
      if (isCrowded) return undefined;
    } else if (told.changes.size > told.budget) this.lose(told, 'rate');
    if (told.isLost) {
      // A frame a second, however much is lost; what changes until then is told by the same one.
      if (told.budget < this.limits.perSecond) return undefined;
      if (told.changes.size > 0) this.lose(told, 'rate');
      told.isLost = false;
      told.budget = 0;
      return { app, room, changes: [], isLost: true, isCrowded };
    }
    if (told.changes.size === 0) return undefined;
    const changes = [...told.changes.values()];
    told.budget -= changes.length;
    told.changes.clear();
    return { app, room, changes, isLost: false, isCrowded };
  }

  private isLarge(told: Told): boolean {
    return told.present.size > this.limits.maxMembers;
  }

  private lose(told: Told, why: 'crowd' | 'rate'): void {
    this.dropped[why].inc(told.changes.size);
    told.changes.clear();
    told.isLost = true;
  }

  private refill(): void {
    const nowMs = this.clock.monotonic();
    const more = ((nowMs - this.refilledAtMs) / 1_000) * this.limits.perSecond;
    this.refilledAtMs = nowMs;
    for (const told of this.rooms.values()) told.budget = Math.min(this.limits.perSecond, told.budget + more);
  }
}

const prefix = 'room:';
