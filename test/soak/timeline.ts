import type { Follower, Push } from './journal.js';
import type { Finding, Verdict } from './judge.js';
import { whoGotIt } from './who-got-it.js';

const around = 25;
const nearMs = 60_000;

/** What the load knows of the first finding. */
export interface First {
  /** Where its client was, what that got around it in the channel, and who else got it, a line each. */
  lines: string[];
  /** Ids of its client's connections around it. */
  connections: string[];
  user: string;
}

/** The finding to look at first: a loss before anything else. */
export const firstOf = ({ findings }: Verdict): Finding | undefined =>
  findings.find(({ problem }) => problem === 'lost' || problem === 'silentGap') ?? findings[0];

/** Undefined when nothing was found, or nothing of a client. */
export function firstSeen(
  verdict: Verdict,
  followers: readonly Follower[],
  pushes: ReadonlyMap<number, Push>,
): First | undefined {
  const first = firstOf(verdict);
  const follower = followers.find(({ name }) => name === first?.client);
  if (!first || !follower) return undefined;
  const { channel, n, at } = first;
  const near = follower.visits.filter(({ from, to = Infinity }) => to > at - nearMs && from < at + nearMs);
  const lines = near.map(
    ({ id, gateway, from, to }) => `client ${follower.name} at g${gateway} as ${id} from ${from} to ${to ?? 'the end'}`,
  );
  for (const stay of follower.stays.get(channel) ?? []) {
    const { began, epoch, base, since, askedAt, openedAt, closedAt, end, got } = stay;
    if (closedAt !== undefined && closedAt < at - nearMs / 2) continue;
    if (openedAt > at + nearMs) continue;
    const asked = since ? `${since.epoch}:${since.offset}` : 'nothing';
    lines.push(
      `stay in ${channel}: ${began} at ${epoch}:${base}, since ${asked}, asked ${askedAt}, opened ${openedAt}, closed ${closedAt ?? '–'} (${end}), ${got.length} came`,
    );
    let place = 0;
    while (place < got.length && got.n(place) < n) place += 1;
    for (let i = Math.max(0, place - around); i < Math.min(got.length, place + around); i += 1) {
      const push = pushes.get(got.n(i));
      const kind = push?.isKept === false ? ' retain:false' : push?.ttlMs === undefined ? '' : ` ttl ${push.ttlMs}`;
      lines.push(`  ${got.at(i)} ms: push ${got.n(i)} offset ${got.offset(i)} sent ${push?.sentAt}${kind}`);
    }
  }
  const push = pushes.get(n);
  if (push) lines.push(...whoGotIt(push, channel, followers));
  return { lines, connections: near.map(({ id }) => id), user: follower.user };
}
