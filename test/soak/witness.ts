import type { Follower, Push } from './journal.js';
import type { Finding } from './judge.js';

/** At which offset each push stands in a channel, as clients saw it. */
export interface Witness {
  offset(channel: string, n: number, epoch: string): number | undefined;
  /** When the first client got it, in milliseconds of the run. */
  firstSeenAt(channel: string, n: number, epoch: string): number | undefined;
  describe(channel: string, n: number): string;
}

/** Puts together what all clients saw; they must agree. */
export function witnessed(
  { followers, pushes }: { followers: readonly Follower[]; pushes: ReadonlyMap<number, Push> },
  found: (finding: Omit<Finding, 'id'>) => void,
): Witness {
  /** By channel and epoch, then by number. */
  const places = new Map<string, Map<number, number>>();
  const times = new Map<string, Map<number, number>>();
  const key = (channel: string, epoch: string) => `${epoch} ${channel}`;
  for (const { name, stays } of followers) {
    for (const [channel, list] of stays) {
      for (const { epoch, got } of list) {
        let known = places.get(key(channel, epoch));
        let seen = times.get(key(channel, epoch));
        if (!known || !seen) {
          places.set(key(channel, epoch), (known = new Map<number, number>()));
          times.set(key(channel, epoch), (seen = new Map<number, number>()));
        }
        for (let i = 0; i < got.length; i += 1) {
          const n = got.n(i);
          const push = pushes.get(n);
          if (!push) continue;
          const offset = known.get(n);
          seen.set(n, Math.min(seen.get(n) ?? Infinity, got.at(i)));
          if (offset === undefined) known.set(n, got.offset(i));
          else if (offset !== got.offset(i)) {
            const detail = `offset ${got.offset(i)} here, ${offset} at another`;
            found({ problem: 'disagreement', client: name, channel, n, at: got.at(i), detail });
          }
        }
      }
    }
  }
  return {
    firstSeenAt: (channel, n, epoch) => times.get(key(channel, epoch))?.get(n),
    offset: (channel, n, epoch) => places.get(key(channel, epoch))?.get(n),
    describe: (channel, n) => {
      const seen = [...places].filter(([place, known]) => place.endsWith(` ${channel}`) && known.has(n));
      if (seen.length === 0) return 'nobody got it';
      return `others got it at ${seen.map(([place, known]) => `${place.split(' ')[0]}:${known.get(n)}`).join()}`;
    },
  };
}
