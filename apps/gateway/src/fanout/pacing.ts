import type { Clock, Log, Metrics, Timer } from '@app/runtime';
import type { LocalChannel } from '../room/channel-table.js';
import type { CurrentEpoch } from '../room/current-epoch.js';
import type { Placed } from '../room/message.js';
import type { Session } from '../session/session.js';

/** Who does what the pace allows: fan-out is it. */
export interface PacedPassage {
  /** Gives the message to one member; false when it is not meant for it. */
  give(session: Session, local: LocalChannel, item: Placed): boolean;
  /** What waited behind it may go on. */
  live(local: LocalChannel, placed: readonly Placed[]): void;
}

/** One message on its way through a channel's members. */
interface Run {
  epoch: string;
  item: Placed;
  members: readonly Session[];
  next: number;
  /** Connections that may get it now. */
  credit: number;
  steppedAtMs: number;
  isHurried: boolean;
  waiting: Placed[];
  waitingBytes: number;
}

const stepMs = 50;
/** After a pause of ours no more is made good than this: a burst is what pacing is to prevent. */
const mostMs = 500;

/**
 * Messages that go out at a number of connections per second. What comes later in the same channel waits behind; other
 * channels do not. Who was there when it began gets it, if still there; who came later finds it in history.
 */
export class Pacing {
  private readonly runs = new Map<LocalChannel, Run>();
  private timer: Timer | undefined;
  private readonly left;
  private readonly expired;
  private readonly gap;
  private readonly shutdown;

  constructor(
    private readonly epoch: CurrentEpoch,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
    private readonly maxWaitingBytes = 16 * 1024 * 1024,
  ) {
    this.left = metrics.dropped.labels('paced', 'left');
    this.expired = metrics.dropped.labels('paced', 'expired');
    this.gap = metrics.dropped.labels('paced', 'gap');
    this.shutdown = metrics.dropped.labels('paced', 'shutdown');
    const paced = metrics.gauge('skylark_gateway_paced', 'Connections that a paced push has still to reach');
    Object.assign(paced, { collect: () => paced.set(this.ahead()) });
  }

  /** Whether messages of the channel must wait here. */
  isBusy(local: LocalChannel): boolean {
    if (this.runs.size === 0) return false;
    const run = this.runs.get(local);
    if (!run) return false;
    if (run.epoch === this.epoch.value) return true;
    this.abandon(local, run, this.gap);
    return false;
  }

  /** Begins to give the message to `members`, `item.rate` of them a second. */
  start(local: LocalChannel, item: Placed, members: readonly Session[], passage: PacedPassage): void {
    this.runs.set(local, {
      epoch: this.epoch.value,
      item,
      members,
      next: 0,
      credit: 0,
      steppedAtMs: this.clock.monotonic(),
      isHurried: false,
      waiting: [],
      waitingBytes: 0,
    });
    this.timer ??= this.clock.every(stepMs, () => this.step(passage));
    this.log.info({ channel: local.key, members: members.length, rate: item.rate }, 'paced push begins');
  }

  /** Lets messages wait behind the one that is under way. When that are too many it hurries: order comes before pace. */
  hold(local: LocalChannel, placed: readonly Placed[]): void {
    const run = this.runs.get(local)!;
    for (const item of placed) {
      run.waiting.push(item);
      run.waitingBytes += item.message.bytes;
    }
    if (run.isHurried || run.waitingBytes <= this.maxWaitingBytes) return;
    run.isHurried = true;
    this.log.warn(
      { channel: local.key, waiting: run.waiting.length },
      'too much waits behind a paced push: it hurries',
    );
  }

  /** Whoever has not got it by now does not get it from here. */
  stop(): void {
    this.timer?.stop();
    for (const [local, run] of this.runs) this.abandon(local, run, this.shutdown);
  }

  private step(passage: PacedPassage): void {
    for (const [local, run] of this.runs) {
      if (!this.isBusy(local)) continue;
      this.advance(local, run, passage);
      if (run.next < run.members.length) continue;
      this.runs.delete(local);
      this.log.info(
        { channel: local.key, members: run.members.length, waiting: run.waiting.length },
        'paced push ends',
      );
      passage.live(local, run.waiting);
    }
    if (this.runs.size > 0) return;
    this.timer?.stop();
    this.timer = undefined;
  }

  private advance(local: LocalChannel, run: Run, passage: PacedPassage): void {
    const { item, members } = run;
    if (item.message.isExpired(this.clock.now())) {
      this.expired.inc(members.length - run.next);
      run.next = members.length;
      return;
    }
    const nowMs = this.clock.monotonic();
    const sinceMs = Math.min(nowMs - run.steppedAtMs, mostMs);
    run.steppedAtMs = nowMs;
    run.credit = run.isHurried ? Infinity : run.credit + (item.rate * sinceMs) / 1_000;
    let gone = 0;
    while (run.next < members.length && run.credit >= 1) {
      const session = members[run.next]!;
      run.next += 1;
      if (session.memberships.placeIn(local) < 0) gone += 1;
      else if (passage.give(session, local, item)) run.credit -= 1;
    }
    this.left.inc(gone);
  }

  private abandon(local: LocalChannel, run: Run, reason: { inc(messages: number): void }): void {
    this.runs.delete(local);
    reason.inc(run.members.length - run.next + run.waiting.length);
    this.log.warn({ channel: local.key, ahead: run.members.length - run.next }, 'paced push given up');
  }

  private ahead(): number {
    let ahead = 0;
    for (const { members, next } of this.runs.values()) ahead += members.length - next;
    return ahead;
  }
}
