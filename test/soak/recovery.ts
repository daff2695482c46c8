import type { SoakClient } from './client.js';
import type { FaultMark } from './journal.js';

/** What one kill of a gateway cost its clients: milliseconds until each was back and had what it had missed. */
export interface Recovery {
  /** Milliseconds of the run. */
  at: number;
  what: string;
  clients: number;
  p50: number;
  p99: number;
}

/** How long a message that came by replay may have been on its way after the welcome to count as what was missed. */
const replayMs = 5_000;

/** Of all kills together, in milliseconds; undefined when none cost anybody anything. */
export interface Recovered {
  all: Pick<Recovery, 'clients' | 'p50' | 'p99'> | undefined;
  kills: Recovery[];
}

/** For every SIGKILL of a gateway. `gateway` of a mark's `what` is its last word, `g<number>`. */
export function recoveries(clients: readonly SoakClient[], faults: readonly FaultMark[]): Recovered {
  const every: number[] = [];
  const kills = faults
    .filter(({ kind }) => kind === 'kill-gateway')
    .map(({ fromMs, what }) => {
      const gateway = Number(what.slice(what.lastIndexOf('g') + 1));
      const times = clients.flatMap((client) => timeOf(client, gateway, fromMs) ?? []).sort((a, b) => a - b);
      every.push(...times);
      return { at: fromMs, what, ...spread(times) };
    });
  return { all: every.length > 0 ? spread(every.sort((a, b) => a - b)) : undefined, kills };
}

function spread(rising: readonly number[]): Pick<Recovery, 'clients' | 'p50' | 'p99'> {
  const at = (share: number) => rising[Math.min(rising.length - 1, Math.floor(rising.length * share))] ?? 0;
  return { clients: rising.length, p50: at(0.5), p99: at(0.99) };
}

/** Undefined when it was not there, or was away of its own accord. */
function timeOf({ follower }: SoakClient, gateway: number, killedAt: number): number | undefined {
  const { visits } = follower;
  const lost = visits.findIndex(
    (visit) => visit.gateway === gateway && visit.from < killedAt && visit.to !== undefined && visit.to >= killedAt,
  );
  const [visit, next] = [visits[lost], visits[lost + 1]];
  if (!visit || !next || visit.to! > killedAt + 1_000) return undefined;
  let last = next.from;
  for (const stays of follower.stays.values()) {
    for (const { began, openedAt, got } of stays) {
      if (began !== 'resumed' || Math.abs(openedAt - next.from) > 50) continue;
      for (let i = 0; i < got.length && got.at(i) < openedAt + replayMs; i += 1) {
        if (got.at(i) - openedAt < 250) last = Math.max(last, got.at(i)); // in the burst that follows the welcome
      }
    }
  }
  return last - killedAt;
}
