import { CodedError, type Channel, type ChannelState, type Position } from '@app/protocol';
import { notRetained } from '@app/protocol/wires';
import type { Clock, Log, Metrics } from '@app/runtime';
import type { ChannelTable, LocalChannel } from '../room/channel-table.js';
import type { CurrentEpoch } from '../room/current-epoch.js';
import type { Frame } from '../session/frame.js';
import { Held, type HeldChannel } from '../session/held.js';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { Registrar } from '../upstream/registrar.js';
import type { HistoryLook } from './history-look.js';
import { Joining, type Recovery } from './joining.js';
import type { Restoring } from './restoring.js';

/**
 * Says where the joined channels stand, by channel: the welcome, a reply or 108. What was missed goes out right after it.
 * A channel that was left meanwhile is missing.
 */
export type Announce = (states: ReadonlyMap<Channel, ChannelState>) => void;

/** What one call of `join` is about. */
interface Join {
  session: Session;
  channels: readonly Channel[];
  fresh: Joining[];
  /** Of channels that an earlier call is still joining: this one fails with it. */
  following: HeldChannel[];
  announce: Announce;
  /** Of a session that arrives. */
  restoring: Restoring | undefined;
}

const maxLooks = 3;

/**
 * How a session comes into channels without a hole and without a repeat: hold its live messages → write the registry and
 * wait → read history since its position → announce and send that → send what was held and is newer → live.
 */
export class Replay {
  private readonly turns = new WeakMap<Session, Promise<void>>();
  /** Of sessions whose arrival is not announced yet. */
  private readonly arriving = new WeakMap<Session, Restoring>();
  private readonly beforeJoin;
  private readonly repeated;
  private readonly expired;
  private readonly recoveries;

  constructor(
    private readonly channels: ChannelTable,
    private readonly registrar: Registrar,
    private readonly look: HistoryLook,
    private readonly epoch: CurrentEpoch,
    private readonly outboxes: Outboxes,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
    private readonly timeoutMs = 10_000,
  ) {
    this.beforeJoin = metrics.dropped.labels('replay', 'before_join');
    this.repeated = metrics.dropped.labels('replay', 'repeated');
    this.expired = metrics.dropped.labels('replay', 'expired');
    const recoveries = 'Channels that a client came back to with a position, by outcome: recovered, lost, other_epoch';
    const counter = metrics.counter('skylark_gateway_recoveries_total', recoveries, ['outcome']);
    const of = (outcome: Recovery) => counter.labels(outcome);
    this.recoveries = { recovered: of('recovered'), lost: of('lost'), other_epoch: of('other_epoch') };
  }

  /**
   * Makes the session a member of the channels at once, and announces them when history has been read; joins of one
   * session are announced in the order asked. A channel it is in already is announced as it stands, and its `since` is
   * not looked at. `since` is exclusive. Nothing is announced to a session that is gone. With `restoring` it is an arrival:
   * the rooms restored are joined and announced with the channels.
   * @throws CodedError `timeout` when registry or history do not answer in time: it is in none of the new channels then.
   */
  join(
    session: Session,
    channels: readonly Channel[],
    since: ReadonlyMap<Channel, Position>,
    announce: Announce,
    restoring?: Restoring,
  ): Promise<void> {
    if (session.state === 'closed') return Promise.resolve();
    if (restoring) this.arriving.set(session, restoring);
    const fresh: Joining[] = [];
    const following: HeldChannel[] = [];
    for (const channel of channels) {
      const known = this.placeOf(session, channel);
      const underWay = known && session.held?.channels.get(known);
      if (underWay) following.push(underWay);
      // What came with the connection counts until it is welcomed, whoever asks.
      if (!known) fresh.push(this.enter(session, channel, since.get(channel) ?? this.sinceOf(session, channel)));
    }
    const joined = this.settle({ session, channels, fresh, following, announce, restoring }, this.turns.get(session));
    const turn = joined
      .catch(() => {}) // told to the caller; the next join goes on
      .finally(() => {
        if (this.turns.get(session) === turn) this.turns.delete(session);
      });
    this.turns.set(session, turn);
    return joined;
  }

  /** The session leaves a room, or would: an arrival does not bring it back from what was read before. */
  forgo(session: Session, channel: Channel): void {
    this.arriving.get(session)?.forgo(channel);
  }

  private enter(session: Session, channel: Channel, since: Position | undefined): Joining {
    this.channels.alter(session, () => (session.held ??= new Held()));
    const { channel: local } = this.channels.join(session, channel);
    const joining = new Joining(local, since);
    this.channels.hold(session, local, joining.holding);
    return joining;
  }

  private sinceOf(session: Session, channel: Channel): Position | undefined {
    return this.arriving.get(session)?.since.get(channel);
  }

  /** The channel if the session is in it. */
  private placeOf(session: Session, channel: Channel): LocalChannel | undefined {
    const local = this.channels.get(session.app, channel);
    return local && session.memberships.placeIn(local) >= 0 ? local : undefined;
  }

  private async settle(join: Join, before: Promise<void> | undefined): Promise<void> {
    const { session, fresh, following } = join;
    try {
      if (fresh.length > 0) await this.inTime(this.read(join));
    } catch (error) {
      for (const joining of fresh) {
        joining.holding.hasFailed = true;
        if (isStill(session, joining)) this.channels.leave(session, joining.local);
      }
      throw notJoined(error instanceof Error ? error.message : String(error));
    }
    await before;
    if (isGone(session)) return;
    if (following.some(({ hasFailed }) => hasFailed)) throw notJoined('the join before failed');
    // Others may have moved the channels on while we waited for our turn.
    if (this.isBehind(fresh)) return this.settle(join, undefined);
    this.release(join);
  }

  /** Reads until history covers all that the held messages do not. A store that has lost entries never will, and says so. */
  private async read({ session, fresh, restoring }: Join): Promise<void> {
    await this.registrar.settled(this.timeoutMs);
    // Beside the first look, so that nobody without lasting rooms waits for them.
    const [lasting] = await Promise.all([restoring?.read(), this.lookAt(session, fresh)]);
    if (restoring && lasting && lasting.length > 0) await this.restore(session, fresh, restoring, lasting);
    for (let looks = 1; !isGone(session) && this.isBehind(fresh); looks += 1) {
      if (looks === maxLooks) return fresh.forEach((joining) => joining.giveUp(this.epoch.value));
      await this.lookAt(session, fresh);
    }
  }

  /** As for the others: hold, write the registry and wait, read history. */
  private async restore(session: Session, fresh: Joining[], restoring: Restoring, lasting: readonly Channel[]) {
    if (isGone(session)) return;
    const chosen = restoring.choose(lasting.filter((channel) => !this.placeOf(session, channel)));
    const restored = chosen.map((channel) => this.enter(session, channel, restoring.since.get(channel)));
    fresh.push(...restored);
    await this.registrar.settled(this.timeoutMs);
    await this.lookAt(session, restored);
  }

  private async lookAt(session: Session, some: readonly Joining[]): Promise<void> {
    if (isGone(session) || some.length === 0) return;
    const tops = await this.look.tops(
      session.app,
      some.map(({ local }) => local.channel),
    );
    await Promise.all(some.map((joining) => joining.place(tops.get(joining.local.channel)!, this.look)));
  }

  private isBehind(fresh: readonly Joining[]): boolean {
    return fresh.some((joining) => joining.isBehind(this.epoch.value));
  }

  /** All in one go: nothing live can come between. What was left meanwhile is not announced. */
  private release({ session, channels, fresh, announce, restoring }: Join): void {
    if (restoring) this.arriving.delete(session);
    const states = new Map<Channel, ChannelState>();
    const isFresh = new Set(fresh.map(({ local }) => local.channel));
    for (const joining of fresh) {
      if (!isStill(session, joining)) continue;
      states.set(joining.local.channel, joining.state);
      this.count(session, joining);
    }
    for (const channel of channels) if (!isFresh.has(channel)) states.set(channel, this.standing(session, channel));
    announce(states);
    const { held } = session;
    for (const joining of fresh) this.catchUp(session, joining);
    if (!held) return;
    const nowMs = this.clock.now();
    for (const { frame, expiresAtMs } of held.direct) this.give(session, frame, expiresAtMs, nowMs);
    held.direct = [];
    if (session.held && held.channels.size === 0) this.channels.alter(session, () => (session.held = null));
  }

  private count({ serial }: Session, { recovery: outcome, local, since, state }: Joining): void {
    if (outcome === undefined) return;
    this.recoveries[outcome].inc();
    if (outcome !== 'recovered')
      this.log.debug({ session: serial, channel: local.key, since, told: state, outcome }, 'not recovered');
  }

  private catchUp(session: Session, joining: Joining): void {
    const { local, holding, top, missed } = joining;
    if (!isStill(session, joining)) return;
    const held = session.held!;
    const nowMs = this.clock.now();
    for (const { message, devices } of missed) {
      const frame = message.frameFor(session, local.channel, devices);
      if (frame === undefined) continue;
      this.outboxes.meant(1);
      this.give(session, frame, message.body.expiresAtMs, nowMs);
    }
    let covered = top;
    // What the client has seen may be above all that is retained, and still be on its way here.
    const { recovered, offset: from } = joining.state;
    const seen = Math.max(top, recovered ? from : -1);
    for (const { offset, prev, frame, expiresAtMs } of holding.waiting) {
      held.bytes -= frame?.length ?? 0;
      if (offset <= seen) {
        if (frame) (prev === notRetained ? this.beforeJoin : this.repeated).inc();
        continue;
      }
      if (frame) this.give(session, frame, expiresAtMs, nowMs);
      if (prev !== notRetained) covered = offset;
    }
    holding.waiting = [];
    holding.covered = Math.max(covered, seen);
    local.last ??= covered;
    // Else the live messages that it has by replay are still to come: fan-out lets go when they have.
    if (local.last >= holding.covered) this.channels.release(session, local);
  }

  /** What waited may have come to its end meanwhile. */
  private give(session: Session, frame: Frame, expiresAtMs: number, nowMs: number): void {
    if (expiresAtMs !== 0 && expiresAtMs <= nowMs) this.expired.inc();
    else this.outboxes.push(session, frame, 1);
  }

  /** Of a channel that the session was in before. */
  private standing(session: Session, channel: Channel): ChannelState {
    const local = this.channels.get(session.app, channel);
    const covered = local && session.held?.channels.get(local)?.covered;
    return { epoch: this.epoch.value, offset: Math.max(local?.last ?? -1, covered ?? -1) };
  }

  private inTime(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(this.timeoutMs, () => reject(new Error(`nothing within ${this.timeoutMs} ms`)));
      work.then(resolve, reject).finally(() => timer.stop());
    });
  }
}

const notJoined = (why: string) => new CodedError('timeout', `not joined, try again: ${why}`);

/** False when it was left meanwhile, and perhaps joined again. */
const isStill = (session: Session, { local, holding }: Joining): boolean =>
  session.held?.channels.get(local) === holding;

const isGone = (session: Session): boolean => session.state === 'closed';
