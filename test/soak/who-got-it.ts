import { isFor } from './audience.js';
import type { Follower, Push, Stay } from './journal.js';

/** At one gateway: names of clients. */
interface Share {
  live: string[];
  replayed: string[];
  /** Was in the channel when it was pushed, and does not have it. */
  lackedLive: string[];
  /** Resumed there after it was pushed, and does not have it. */
  lackedOnResume: string[];
}

/**
 * Who got one push to a channel, and who lacks it, by the gateway at which that was, a line each: a gateway at which
 * everybody lacks what others have is the one that lost it; what all lack was lost before.
 */
export function whoGotIt(push: Push, channel: string, followers: readonly Follower[]): string[] {
  const shares = new Map<number, Share>();
  const at = (follower: Follower, stay: Stay): Share => {
    const gateway = follower.visits.findLast(({ askedAt }) => askedAt <= stay.askedAt)?.gateway ?? -1;
    const share = shares.get(gateway) ?? { live: [], replayed: [], lackedLive: [], lackedOnResume: [] };
    shares.set(gateway, share);
    return share;
  };
  for (const follower of followers) {
    if (!isFor(push.audience, follower)) continue;
    const stays = follower.stays.get(channel) ?? [];
    const having = stays.find(({ got }) => hasCome(got, push.n));
    const isThere = ({ openedAt, closedAt = Infinity }: Stay) => openedAt <= push.sentAt && push.sentAt < closedAt;
    if (having) at(follower, having)[having.openedAt <= push.sentAt ? 'live' : 'replayed'].push(follower.name);
    else {
      const there = stays.find(isThere);
      const back = stays.find(({ openedAt }) => openedAt > push.sentAt);
      if (there) at(follower, there).lackedLive.push(follower.name);
      if (back?.began === 'resumed') at(follower, back).lackedOnResume.push(follower.name);
    }
  }
  return [...shares]
    .sort(([a], [b]) => a - b)
    .map(
      ([gateway, { live, replayed, lackedLive, lackedOnResume }]) =>
        `at g${gateway}: came live to ${told(live)}, by replay to ${told(replayed)}; was there and lacks it ${told(lackedLive)}, resumed later and lacks it ${told(lackedOnResume)}`,
    );
}

function hasCome(got: Stay['got'], n: number): boolean {
  for (let i = 0; i < got.length; i += 1) if (got.n(i) === n) return true;
  return false;
}

const told = (names: readonly string[]): string =>
  names.length === 0 ? '0' : `${names.length} (${names.slice(0, 12).join(' ')}${names.length > 12 ? ' …' : ''})`;
