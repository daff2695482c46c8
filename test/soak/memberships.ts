import type { Calm } from './calm.js';
import type { FaultMark, Follower, MembershipChange, Visit } from './journal.js';

interface Evidence {
  memberships: readonly MembershipChange[];
  followers: readonly Follower[];
  faults: readonly FaultMark[];
  /** Faults after which nobody knows of memberships any more. */
  forgetful: readonly string[];
  endAt: number;
}

export interface Broken {
  client: string;
  channel: string;
  at: number;
  detail: string;
}

/** How long 108 and 109 may take to come to who reads: in calm, and when a gateway may hang. */
const slackMs = { calm: 5_000, fault: 45_000 };
/** A registry that was emptied has no memberships, and for so long gateways may not know of all that is changed: docs/delivery.md. */
const afterFlushMs = 60_000;

/**
 * What was answered 200 must hold at every connection of the user, from the welcome on, or from shortly after the answer
 * where the connection was there before; until REST is asked for something else.
 */
export function membershipsBroken(evidence: Evidence, calm: Calm): { held: number; broken: Broken[] } {
  const broken: Broken[] = [];
  let held = 0;
  const byPlace = new Map<string, MembershipChange[]>();
  for (const change of evidence.memberships) {
    const place = `${change.user} ${change.room}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), change]);
  }
  for (const changes of byPlace.values()) {
    const { user, room } = changes[0]!;
    for (const follower of evidence.followers.filter((one) => one.user === user)) {
      for (const [i, change] of changes.entries()) {
        const untilMs = changes[i + 1]?.sentAt ?? evidence.endAt;
        for (const visit of follower.visits) {
          const at = judgedAt(change, visit, calm);
          if (at === undefined || at >= Math.min(untilMs, visit.to ?? evidence.endAt)) continue;
          if (isForgotten(evidence, change, at) || isPaused(follower, at)) continue;
          const channel = `room:${room}`;
          if (isIn(follower, channel, at) === change.isJoin) held += 1;
          else {
            const said = change.isJoin ? 'not in a room that it was put into' : 'in a room that it was taken out of';
            const detail = `${said}, asked ${change.sentAt}, answered ${change.answeredAt}; connection ${visit.id} from ${visit.from}`;
            broken.push({ client: follower.name, channel, at, detail });
          }
        }
      }
    }
  }
  return { held, broken };
}

/** From when on the connection must be as REST has said; undefined when nothing is promised. */
function judgedAt({ sentAt, answeredAt }: MembershipChange, { askedAt, from }: Visit, calm: Calm): number | undefined {
  if (answeredAt === undefined) return undefined;
  if (askedAt > answeredAt) return from;
  const last = Math.max(answeredAt, from);
  return last + (calm.holds(sentAt, last + slackMs.calm) ? slackMs.calm : slackMs.fault);
}

function isForgotten({ faults, forgetful }: Evidence, { sentAt }: MembershipChange, at: number): boolean {
  return faults.some(
    ({ kind, fromMs, toMs }) => forgetful.includes(kind) && fromMs <= at && toMs + afterFlushMs >= sentAt,
  );
}

/** What waits for a client that does not read it has not come. */
const isPaused = ({ pauses }: Follower, at: number): boolean =>
  pauses.some(([from, to]) => from <= at && to + slackMs.calm >= at);

const isIn = ({ stays }: Follower, channel: string, at: number): boolean =>
  (stays.get(channel) ?? []).some(({ openedAt, closedAt = Infinity }) => openedAt <= at && at < closedAt);
