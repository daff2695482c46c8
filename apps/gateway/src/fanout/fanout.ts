import { allChannel, CloseCode, parseChannel, type Channel } from '@app/protocol';
import { firstKnown, notRetained, type Delivery, type Gone, type Step } from '@app/protocol/wires';
import type { Clock, Log, Metrics } from '@app/runtime';
import type { GapRepair, Passage } from '../replay/gap-repair.js';
import type { ChannelTable, LocalChannel } from '../room/channel-table.js';
import { Message, type Placed } from '../room/message.js';
import type { Frame } from '../session/frame.js';
import type { HeldChannel } from '../session/held.js';
import type { Outboxes } from '../session/outboxes.js';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import { JoinedFrames } from './encode-once.js';
import type { PacedPassage, Pacing } from './pacing.js';

/**
 * A delivery becomes frames. A batch is grouped by channel; what all members of a channel get alike is joined once and
 * the one Buffer given to each; where somebody wants less, or something is for some only, members are asked one by one.
 */
export class Fanout implements Passage, PacedPassage {
  private readonly deliveriesIn;
  private readonly gone;
  private readonly expired;
  private readonly undecodable;
  private readonly beforeJoin;
  private readonly heldTooMuch;
  private readonly failed;

  constructor(
    private readonly channels: ChannelTable,
    private readonly sessions: SessionTable,
    private readonly outboxes: Outboxes,
    private readonly repair: GapRepair,
    private readonly pacing: Pacing,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
    private readonly maxOutboxBytes: number,
  ) {
    this.deliveriesIn = metrics.counter('skylark_gateway_deliveries_total', 'Deliveries taken from job');
    this.gone = metrics.dropped.labels('fanout', 'gone');
    this.expired = metrics.dropped.labels('fanout', 'expired');
    this.undecodable = metrics.dropped.labels('fanout', 'undecodable');
    this.failed = metrics.dropped.labels('fanout', 'failed');
    this.beforeJoin = metrics.dropped.labels('replay', 'before_join');
    this.heldTooMuch = metrics.dropped.labels('replay', 'slow_consumer');
  }

  /**
   * Gives deliveries of one shard, in order, to whom they are meant for; all is in the outboxes when it returns. Answers the
   * channels nobody of which is here. Never throws, for they count as taken: what fails is counted, and takes no other with it.
   */
  take(deliveries: readonly Delivery[]): Gone[] {
    const gone: Gone[] = [];
    const byChannel = new Map<LocalChannel, Placed[]>();
    for (const delivery of deliveries) {
      const message = Message.read(delivery.offset, delivery.body, this.sessions);
      if (!message) this.undecodable.inc(delivery.steps.length);
      else
        for (const step of delivery.steps)
          if (!this.sort(delivery, step, message, byChannel))
            gone.push({ offset: delivery.offset, channel: step.channel });
    }
    for (const [local, placed] of byChannel) {
      try {
        this.live(local, placed);
      } catch (error) {
        this.failure(error, local.channel, placed[0]!.message, placed.length);
        for (const session of local.members.slice()) session.close(CloseCode.gap);
      }
    }
    this.gone.inc(gone.length);
    this.deliveriesIn.inc(deliveries.length);
    return gone;
  }

  /**
   * Deliveries that this gateway has taken come again, because history had lost them: who came into a channel meanwhile was
   * not shown them, and nothing tells so but that the channel stands below them.
   */
  lookBehind(deliveries: readonly Delivery[]): void {
    for (const { app, offset, steps } of deliveries) {
      for (const { channel, prev } of steps) {
        const local = prev === notRetained ? undefined : this.channels.get(app, channel);
        if (local?.last === undefined || local.last >= offset) continue;
        if (!this.repair.isBusy(local) && !this.pacing.isBusy(local)) this.repair.start(local, [], this);
      }
    }
  }

  live(local: LocalChannel, placed: readonly Placed[]): void {
    const joined = this.joinedFor(local);
    const nowMs = this.clock.now();
    for (let i = 0; i < placed.length; i += 1) {
      const item = placed[i]!;
      if (this.pacing.isBusy(local)) {
        joined.flush();
        return this.pacing.hold(local, placed.slice(i));
      }
      if (this.repair.isBusy(local)) {
        joined.flush();
        return this.repair.hold(local, placed.slice(i));
      }
      if (isGap(local, item)) {
        joined.flush();
        return this.repair.start(local, placed.slice(i), this);
      }
      if (item.rate > 0 && isNew(local, item) && !item.message.isExpired(nowMs)) {
        joined.flush();
        this.pace(local, item);
      } else this.pass(local, item, joined, nowMs);
    }
    joined.flush();
  }

  isWaiting(local: LocalChannel): boolean {
    return this.pacing.isBusy(local);
  }

  replayed(local: LocalChannel, placed: readonly Placed[]): void {
    const joined = this.joinedFor(local);
    const nowMs = this.clock.now();
    for (const item of placed) this.pass(local, item, joined, nowMs);
    joined.flush();
  }

  /** False when nobody is there. */
  private sort(delivery: Delivery, step: Step, message: Message, byChannel: Map<LocalChannel, Placed[]>): boolean {
    const { channel, prev, after = 0, devices } = step;
    if (channel.startsWith('connection:')) {
      try {
        return this.toConnection(delivery.app, step, message);
      } catch (error) {
        this.failure(error, channel, message);
        return true;
      }
    }
    const local = this.channels.get(delivery.app, channel);
    if (!local) return false;
    const placed = byChannel.get(local);
    const item: Placed = { message, prev, after, devices, rate: channel === allChannel ? delivery.rate : 0 };
    if (placed) placed.push(item);
    else byChannel.set(local, [item]);
    return true;
  }

  private pass(local: LocalChannel, item: Placed, joined: JoinedFrames, nowMs: number): void {
    const { message, prev, devices } = item;
    // What is not above `last` reached the live members by replay; who reads history just now may still need it.
    const isStale = !isNew(local, item);
    if (prev !== notRetained && !isStale) local.last = message.offset;
    const isExpired = message.isExpired(nowMs);
    if (isExpired) this.expired.inc();
    if (!isStale && !isExpired && local.picky === 0 && !message.isFiltered && devices.length === 0) {
      try {
        joined.add(message);
      } catch (error) {
        this.failure(error, local.channel, message);
      }
      return;
    }
    joined.flush();
    if (local.picky === 0 && (isStale || isExpired)) return this.skipped(item, isExpired ? 0 : local.members.length);
    const members = local.among(message.only);
    // Backwards, so that a member that goes meanwhile moves nobody past us.
    for (let i = members.length - 1; i >= 0; i -= 1) this.offer(members[i]!, local, item, isStale, isExpired);
  }

  /** The message has its place in the channel at once; its members get it at its rate. */
  private pace(local: LocalChannel, item: Placed): void {
    if (item.prev !== notRetained) local.last = item.message.offset;
    const present: Session[] = [];
    // A copy, because who is slow may be closed and leave meanwhile.
    const members = local.among(item.message.only).slice();
    for (const session of members) {
      // Whose replay is under way cannot wait: history may have it too.
      if (session.held?.channels.has(local)) this.offer(session, local, item, false, false);
      else present.push(session);
    }
    if (present.length > 0) this.pacing.start(local, item, present, this);
  }

  give(session: Session, local: LocalChannel, item: Placed): boolean {
    const frame = this.frameFor(session, local, item);
    if (frame) this.push(session, frame);
    return frame !== undefined;
  }

  /** Who cannot be given what it may have been meant for comes back for it. */
  private frameFor(session: Session, { channel }: LocalChannel, { message, devices }: Placed): Frame | undefined {
    try {
      return message.frameFor(session, channel, devices);
    } catch (error) {
      this.failure(error, channel, message);
      session.close(CloseCode.gap);
      return undefined;
    }
  }

  private offer(session: Session, local: LocalChannel, item: Placed, isStale: boolean, isExpired: boolean): void {
    const { message } = item;
    const holding = session.held?.channels.get(local);
    const frame = isExpired ? undefined : this.frameFor(session, local, item);
    if (holding && holding.covered === undefined) return this.hold(session, holding, item, frame);
    if (isStale || (holding && message.offset <= holding.covered!)) return this.skipped(item, frame ? 1 : 0);
    // Live has come past what was replayed. A message that is not retained does not tell so itself.
    if (holding && (item.prev !== notRetained || local.last! >= holding.covered!))
      this.channels.release(session, local);
    if (frame) this.push(session, frame);
  }

  private hold(
    session: Session,
    holding: HeldChannel,
    { message, prev, after }: Placed,
    frame: Frame | undefined,
  ): void {
    // Of one that is being closed only the place counts.
    const kept = session.connection.isOpen ? frame : undefined;
    const { offset, body } = message;
    holding.waiting.push({ offset, prev, after, frame: kept, expiresAtMs: body.expiresAtMs });
    if (kept) this.holdBytes(session, kept.length);
    else if (frame) this.push(session, frame);
  }

  /** Held bytes are bounded as those of the outbox are. */
  private holdBytes(session: Session, bytes: number): void {
    this.outboxes.meant(1);
    const held = session.held!;
    held.bytes += bytes;
    if (held.bytes <= this.maxOutboxBytes) return;
    this.heldTooMuch.inc(held.empty());
    session.close(CloseCode.slow);
  }

  private toConnection(app: string, step: Step, message: Message): boolean {
    const session = this.sessions.find(parseChannel(step.channel)!.name);
    if (session?.app !== app || session.state === 'closed' || session.state === 'waiting') return false;
    if (message.isExpired(this.clock.now())) this.expired.inc();
    else {
      const frame = message.frameFor(session, step.channel, []);
      if (frame && session.state === 'arriving' && session.held && session.connection.isOpen) {
        session.held.direct.push({ frame, expiresAtMs: message.body.expiresAtMs });
        this.holdBytes(session, frame.length);
      } else if (frame) this.push(session, frame);
    }
    return true;
  }

  private joinedFor(local: LocalChannel): JoinedFrames {
    return new JoinedFrames(local.channel, this.maxOutboxBytes / 8, (frames, messages) => {
      const { members } = local;
      this.outboxes.meant(messages * members.length);
      for (let i = members.length - 1; i >= 0; i -= 1) this.outboxes.push(members[i]!, frames, messages);
    });
  }

  private push(session: Session, frame: Frame): void {
    this.outboxes.meant(1);
    this.outboxes.push(session, frame, 1);
  }

  private failure(err: unknown, channel: Channel, { offset, body: { id } }: Message, messages = 1): void {
    this.failed.inc(messages);
    this.log.error({ err, channel, offset, message: id }, 'a message could not be given on');
  }

  /** A retained one reached the session by replay; another one was pushed before it was there. */
  private skipped({ prev }: Placed, sessions: number): void {
    if (prev !== notRetained || sessions === 0) return;
    this.outboxes.meant(sessions);
    this.beforeJoin.inc(sessions);
  }
}

/** What is not above `last` went through here before. */
const isNew = ({ last }: LocalChannel, { message }: Placed): boolean => last === undefined || message.offset > last;

/** Whether the message does not follow the last one that went through here. `last` -1 is an empty channel. */
function isGap({ last }: LocalChannel, { message, prev, after }: Placed): boolean {
  if (last === undefined || message.offset <= last) return false;
  // One that is not retained may not overtake those before it: whoever saw its offset would never ask for them.
  if (prev === notRetained) return after - 1 > last;
  return prev !== last && !(prev === firstKnown && last === -1);
}
