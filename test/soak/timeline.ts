import type { SoakClient } from './client.js';
import type { Push } from './journal.js';
import type { Finding, Verdict } from './judge.js';

const around = 25;

/** The finding to look at first: a loss before anything else. */
export const firstOf = ({ findings }: Verdict): Finding | undefined =>
  findings.find(({ problem }) => problem === 'lost' || problem === 'silentGap') ?? findings[0];

/** Where the client of the first finding was, and what it got around it in that channel, a line each. */
export function timeline(
  verdict: Verdict,
  clients: readonly SoakClient[],
  pushes: ReadonlyMap<number, Push>,
): string[] {
  const first = firstOf(verdict);
  const client = clients.find(({ name }) => name === first?.client);
  if (!first || !client) return [];
  const { channel, n, at } = first;
  const near = client.follower.visits.filter(({ from, to = Infinity }) => to > at - 60_000 && from < at + 60_000);
  const lines = near.map(
    ({ gateway, from, to }) => `client ${client.name} at g${gateway} from ${from} to ${to ?? 'the end'}`,
  );
  for (const stay of client.follower.stays.get(channel) ?? []) {
    const { began, epoch, base, since, askedAt, openedAt, closedAt, end, got } = stay;
    if (closedAt !== undefined && closedAt < at - 30_000) continue;
    if (openedAt > at + 60_000) continue;
    const asked = since ? `${since.epoch}:${since.offset}` : 'nothing';
    lines.push(
      `stay in ${channel}: ${began} at ${epoch}:${base}, since ${asked}, asked ${askedAt}, opened ${openedAt}, closed ${closedAt ?? '–'} (${end}), ${got.length} came`,
    );
    let place = 0;
    while (place < got.length && got.at(place) < at && got.n(place) !== n) place += 1;
    for (let i = Math.max(0, place - around); i < Math.min(got.length, place + around); i += 1) {
      const push = pushes.get(got.n(i));
      const kind = push?.isKept === false ? ' retain:false' : push?.ttlMs === undefined ? '' : ` ttl ${push.ttlMs}`;
      lines.push(`  ${got.at(i)} ms: push ${got.n(i)} offset ${got.offset(i)} sent ${push?.sentAt}${kind}`);
    }
  }
  return lines;
}
