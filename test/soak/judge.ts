import { noEpoch } from '../../apps/gateway/src/room/current-epoch.js';
import { isFor } from './audience.js';
import { calmness, type Calm } from './calm.js';
import type { FaultMark, Follower, MembershipChange, Push, Stay } from './journal.js';
import { membershipsBroken } from './memberships.js';
import { labelsBetween } from './relabelling.js';
import { witnessed, type Witness } from './witness.js';

/** What happened to a message that must not have happened. */
export type Problem =
  | 'lost'
  | 'silentGap'
  | 'twice'
  | 'outOfOrder'
  | 'wrong'
  | 'late'
  | 'fleetingLost'
  | 'disagreement'
  | 'membership'
  | 'needless'
  | 'away';

export interface Finding {
  problem: Problem;
  client: string;
  channel: string;
  n: number;
  /** Of the message, when it was accepted. */
  id: string | undefined;
  /** Milliseconds of the run: when it was pushed, or came. */
  at: number;
  detail: string;
}

/** The whole balance. Everything under `problems` must be 0. */
export interface Verdict {
  problems: Record<Problem, number>;
  /** The first of each problem, and more. */
  findings: Finding[];
  pushes: number;
  accepted: number;
  deliveries: number;
  /** Deliveries that had to be there, and were. */
  promisedKept: number;
  /** Welcomes and replies that told recovered:false, and of these: with the same epoch. */
  holesTold: number;
  holesToldInSameEpoch: number;
  /** Deliveries that are missing where a hole was told. */
  missingTold: number;
  /** Fleeting ones (retain:false, ttlMs, channels without history) that did not come, outside of calm. */
  fleetingMissed: number;
  /** Came again after a told hole into another epoch: allowed, because it is another life of the channel. */
  againAfterHole: number;
  resumes: number;
  /** Connections that had to be in a room, or out of it, because REST had said so, and were. */
  memberships: number;
}

export interface Evidence {
  /** By number. */
  pushes: ReadonlyMap<number, Push>;
  followers: readonly Follower[];
  faults: readonly FaultMark[];
  memberships: readonly MembershipChange[];
  /** Faults after which nothing of registry and history is known any more. */
  forgetful: readonly string[];
  /** When nothing more was waited for, in milliseconds of the run. */
  endAt: number;
  /** Channels of which nothing is kept. */
  isKeptIn: (channel: string) => boolean;
  /** Channels that keep more than is ever pushed to them. */
  keepsAll: (channel: string) => boolean;
}

/** Of each problem. */
const findingsKept = 30;
/** How long a fleeting message may take in calm, and after what time it must not come any more, beyond its ttlMs. */
const slackMs = 5_000;
/** Positions told so shortly after a flush may still be of before it. */
const afterFlushMs = 30_000;
const lateSlackMs = 2_000;
/** Faults after which servers may come back with less, so that another epoch begins. */
const renewing: readonly string[] = ['kill-redis', 'kill-kafka', 'disk-full'];

/** Compares what was accepted with what came, client by client and channel by channel. */
export function judge(evidence: Evidence): Verdict {
  return new Balance(evidence).verdict;
}

/** Stays that promise one unbroken stream: each but the first resumed where the one before ended. */
interface Stretch {
  stays: Stay[];
  /** Ends with the client still there. */
  isOpen: boolean;
  /** The stay at which the client was told that something may be missing, when it ends by that. */
  hole: Stay | undefined;
}

class Balance {
  readonly verdict: Verdict = {
    problems: {
      lost: 0, silentGap: 0, twice: 0, outOfOrder: 0, wrong: 0, late: 0, fleetingLost: 0, disagreement: 0, membership: 0, needless: 0, away: 0,
    },
    findings: [], pushes: 0, accepted: 0, deliveries: 0, promisedKept: 0, holesTold: 0, holesToldInSameEpoch: 0,
    missingTold: 0, fleetingMissed: 0, againAfterHole: 0, resumes: 0, memberships: 0,
  }; // prettier-ignore
  private readonly byChannel = new Map<string, Push[]>();
  private readonly witness: Witness;
  private readonly calm: Calm;

  constructor(private readonly evidence: Evidence) {
    for (const push of evidence.pushes.values()) {
      this.verdict.pushes += 1;
      if (push.acceptedAt === undefined) continue;
      this.verdict.accepted += 1;
      for (const channel of push.channels) {
        const list = this.byChannel.get(channel);
        if (list) list.push(push);
        else this.byChannel.set(channel, [push]);
      }
    }
    for (const list of this.byChannel.values()) list.sort((a, b) => a.n - b.n);
    this.calm = calmness(evidence.faults);
    this.witness = witnessed(evidence, (finding) => this.found(finding));
    for (const follower of evidence.followers) this.follow(follower);
    const { held, broken } = membershipsBroken(evidence, this.calm);
    this.verdict.memberships = held;
    for (const finding of broken) this.found({ problem: 'membership', n: -1, ...finding });
  }

  private found(finding: Omit<Finding, 'id'>): void {
    this.verdict.problems[finding.problem] += 1;
    if (this.verdict.problems[finding.problem] <= findingsKept) {
      this.verdict.findings.push({ ...finding, id: this.evidence.pushes.get(finding.n)?.id });
    }
  }

  private follow(follower: Follower): void {
    for (const { channel, n, at, why: detail } of follower.strays) {
      this.found({ problem: 'wrong', client: follower.name, channel, n, at, detail });
    }
    for (const [channel, stays] of follower.stays) {
      for (const stay of stays) this.inOne(follower, stay);
      for (const stretch of stretchesOf(stays)) this.inStretch(follower, channel, stretch);
      this.acrossHoles(follower, stays);
    }
    const isIn = (channel: string) => follower.stays.get(channel)?.at(-1)?.end === 'open';
    const missing = [...follower.stays.keys()].some(isIn) ? [...follower.wants].filter((one) => !isIn(one)) : [''];
    for (const channel of missing) {
      const detail = channel === '' ? 'was not there at the end' : 'is connected, and not in a channel that it wants';
      this.found({ problem: 'away', client: follower.name, channel, n: -1, at: this.evidence.endAt, detail });
    }
  }

  /** What must hold on one connection: once, in order, meant for it, in time. */
  private inOne(follower: Follower, stay: Stay): void {
    const { got, channel, since } = stay;
    const say = (problem: Problem, i: number, detail: string) =>
      this.found({ problem, client: follower.name, channel, n: got.n(i), at: got.at(i), detail });
    const seen = new Set<number>();
    let lastOffset = stay.began === 'resumed' ? since!.offset : -1;
    let lastN = -1;
    if (stay.began === 'resumed') this.verdict.resumes += 1;
    for (let i = 0; i < got.length; i += 1) {
      this.verdict.deliveries += 1;
      const push = this.evidence.pushes.get(got.n(i));
      if (!push) {
        say('wrong', i, 'nobody pushed this');
        continue;
      }
      const isMeant = push.channels.includes(channel) && this.canBeFor(push, follower, stay, got.at(i));
      if (!isMeant) say('wrong', i, `not for this client: ${JSON.stringify(push.audience)}`);
      if (seen.has(push.n)) say('twice', i, `on one connection, offset ${got.offset(i)}`);
      else if (got.offset(i) <= lastOffset) say('outOfOrder', i, `offset ${got.offset(i)} after ${lastOffset}`);
      else {
        if (push.n < lastN) say('outOfOrder', i, `number ${push.n} after ${lastN}, offset ${got.offset(i)}`);
        lastN = Math.max(lastN, push.n);
      }
      seen.add(push.n);
      lastOffset = Math.max(lastOffset, got.offset(i));
      this.inTime(follower, push, got.at(i), () => say('late', i, `ttl ${push.ttlMs} ms, pushed at ${push.sentAt}`));
    }
  }

  /** Given when it came, or before: who was put into the channel read of that long after perhaps, on the same connection. */
  private canBeFor({ audience, sentAt }: Push, follower: Follower, { askedAt }: Stay, cameAt: number): boolean {
    if (audience.match === undefined) return isFor(audience, follower);
    const visit = follower.visits.findLast((one) => one.askedAt <= askedAt);
    const possible = labelsBetween(follower, Math.max(sentAt, visit?.askedAt ?? askedAt), cameAt);
    return possible.some((labels) => isFor(audience, { ...follower, labels }));
  }

  /** With whatever labels the client may have had from the push until then. */
  private isSurelyFor({ audience, sentAt }: Push, follower: Follower, toMs: number): boolean {
    if (audience.match === undefined) return isFor(audience, follower);
    return labelsBetween(follower, sentAt, toMs).every((labels) => isFor(audience, { ...follower, labels }));
  }

  private inTime({ pauses }: Follower, { ttlMs, acceptedAt }: Push, at: number, isLate: () => void): void {
    if (ttlMs === undefined || acceptedAt === undefined || at <= acceptedAt + ttlMs + lateSlackMs) return;
    const isPaused = pauses.some(([from, to]) => from <= at && to + slackMs >= acceptedAt);
    if (!isPaused && this.calm.holds(acceptedAt, at)) isLate();
  }

  /** What must hold over connections that resumed one another: everything came, and nothing again. */
  private inStretch(follower: Follower, channel: string, { stays, isOpen, hole }: Stretch): void {
    const first = stays[0]!;
    /** When each came first, by number. */
    const came = new Map<number, number>();
    let newest = -1;
    for (const stay of stays) {
      for (let i = 0; i < stay.got.length; i += 1) {
        const n = stay.got.n(i);
        const push = this.evidence.pushes.get(n);
        if (!push) continue;
        const before = came.get(n);
        if (before === undefined) came.set(n, stay.got.at(i));
        else if (before < stay.askedAt) {
          const detail = `again after a resume from ${stay.since?.offset}, offset ${stay.got.offset(i)}, first at ${before}`;
          this.found({ problem: 'twice', client: follower.name, channel, n, at: stay.got.at(i), detail });
        }
        newest = Math.max(newest, n);
      }
    }
    for (const push of this.byChannel.get(channel) ?? []) {
      if (!this.isSurelyFor(push, follower, push.acceptedAt! + slackMs)) continue;
      // The labels of whoever is given it count, then or later.
      const isForLater = this.isSurelyFor(push, follower, Infinity);
      if (!isForLater || !push.isKept || push.ttlMs !== undefined || !this.evidence.isKeptIn(channel)) {
        this.fleeting(follower, channel, push, stays, came);
        continue;
      }
      if (!this.isAfter(push, first)) continue;
      if (came.has(push.n)) this.verdict.promisedKept += 1;
      else if (push.n > newest && hole) this.verdict.missingTold += this.isAfter(push, hole) ? 0 : 1;
      else if (push.n > newest && !isOpen) this.fleeting(follower, channel, push, stays, came);
      else {
        const problem = push.n < newest ? 'silentGap' : 'lost';
        const detail = `accepted at ${push.acceptedAt}, ${this.witness.describe(channel, push.n)}; its client stays since ${first.openedAt} (${first.began}, ${first.epoch}:${first.base}), newest ${newest}`;
        this.found({ problem, client: follower.name, channel, n: push.n, at: push.sentAt, detail });
      }
    }
  }

  /** Whether a stream that begins with this stay promises the push. */
  private isAfter(push: Push, stay: Stay): boolean {
    const offset = this.witness.offset(stay.channel, push.n, stay.epoch);
    // Whatever place it was told: a place too far on would leave out everything.
    if (push.sentAt > stay.openedAt) return true;
    if (offset === undefined) return false;
    // What somebody had before this client asked lay before its place, even if the store has forgotten so.
    return offset > stay.base && this.witness.firstSeenAt(stay.channel, push.n, stay.epoch)! >= stay.askedAt;
  }

  /** What nobody is owed later must come to who is there, when nothing is wrong anywhere: what is not kept, and what came last before a client left. */
  private fleeting(
    follower: Follower,
    channel: string,
    push: Push,
    stays: readonly Stay[],
    came: ReadonlyMap<number, number>,
  ): void {
    if (came.has(push.n)) return;
    const until = push.acceptedAt! + slackMs;
    const isThere = stays.some(
      ({ openedAt, closedAt = this.evidence.endAt }) => openedAt < push.sentAt - 1_000 && closedAt > until,
    );
    if (!isThere) return;
    const isPaused = follower.pauses.some(([from, to]) => from <= until && to + slackMs >= push.sentAt);
    const couldMakeIt = push.ttlMs === undefined || push.ttlMs > slackMs;
    if (!isPaused && couldMakeIt && this.calm.holds(push.sentAt, until)) {
      const detail = `retain ${push.isKept}, ttl ${push.ttlMs}, pushed in calm`;
      this.found({ problem: 'fleetingLost', client: follower.name, channel, n: push.n, at: push.sentAt, detail });
    } else this.verdict.fleetingMissed += 1;
  }

  /** A told hole may miss something. It may repeat something only in another life of the channel, or where nothing is kept. */
  private acrossHoles(follower: Follower, stays: readonly Stay[]): void {
    const before = new Set<number>();
    /** When the client learnt the position that it came back with. */
    let knownAt = 0;
    /** When it was last told that there is no epoch yet: from then on its position is none that anybody knows. */
    let epochlessAt = 0;
    for (const stay of stays) {
      const { began, since, epoch, channel, got, openedAt } = stay;
      const isSameEpoch = since?.epoch === epoch;
      if (began === 'hole') {
        this.verdict.holesTold += 1;
        if (isSameEpoch) this.verdict.holesToldInSameEpoch += 1;
        if (
          this.evidence.keepsAll(channel) &&
          !this.mayBeForgotten(stay, since?.epoch === noEpoch ? epochlessAt : knownAt)
        )
          this.needless(follower, stay);
        for (let i = 0; i < got.length; i += 1) {
          // A gateway cannot know how far somebody has seen of a channel that keeps nothing: docs/delivery.md.
          if (isSameEpoch && got.offset(i) <= since.offset && this.evidence.isKeptIn(channel)) {
            const detail = `again after a told hole, offset ${got.offset(i)}, had asked for after ${since.offset}`;
            this.found({ problem: 'twice', client: follower.name, channel, n: got.n(i), at: got.at(i), detail });
          } else if (before.has(got.n(i))) this.verdict.againAfterHole += 1;
        }
      }
      for (let i = 0; i < got.length; i += 1) before.add(got.n(i));
      knownAt = got.length > 0 ? got.at(got.length - 1) : openedAt;
      if (epoch === noEpoch) epochlessAt = openedAt;
    }
  }

  /** Nothing was lost there: who is told so without need is promised nothing, however much is lost. */
  private needless({ name: client }: Follower, { channel, since, epoch, base, openedAt: at }: Stay): void {
    const detail = `recovered:false after ${since!.epoch}:${since!.offset}, told ${epoch}:${base}`;
    this.found({ problem: 'needless', client, channel, n: -1, at, detail });
  }

  /** Whether a position that was told then may lie before something that the store, or the bus, has forgotten since. */
  private mayBeForgotten({ since, epoch, openedAt }: Stay, toldAt: number): boolean {
    const { faults, forgetful } = this.evidence;
    const kinds = since?.epoch === epoch ? forgetful : [...forgetful, ...renewing];
    return faults.some(
      ({ kind, fromMs, toMs }) => kinds.includes(kind) && fromMs <= openedAt && toMs + afterFlushMs >= toldAt,
    );
  }
}

function stretchesOf(stays: readonly Stay[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const stay of stays) {
    const open = stretches.at(-1);
    if (stay.began === 'resumed' && open) open.stays.push(stay);
    else {
      if (open && stay.began === 'hole') open.hole = stay;
      stretches.push({ stays: [stay], isOpen: false, hole: undefined });
    }
  }
  const last = stretches.at(-1);
  if (last) last.isOpen = last.stays.at(-1)!.end === 'open';
  return stretches;
}
