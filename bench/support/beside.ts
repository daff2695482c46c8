import type { Figures, Size } from './bench.js';
import type { Layout } from './message.js';
import { needFiles } from './process.js';
import { Rig } from './rig.js';
import { alternate, ratios, show, type Summary } from './rounds.js';
import { startNaive, startSkylark } from './servers.js';

/** What one tick brings. */
export interface Tick {
  name: string;
  /** Messages to each room. */
  perTick: number;
  /** Which rooms; by default the first. */
  rooms?: () => readonly number[];
}

/** What each contestant did, by the name of the tick. */
export type Compared = Record<string, { ours: Summary; naive: Summary }>;

/** Skylark's gateway and a naive `ws` server with as many clients each, side by side, at each of some ticks. */
export async function compare(
  clients: number,
  ticks: readonly Tick[],
  { rounds, seconds }: Pick<Size, 'rounds' | 'seconds'>,
  layout?: Layout,
): Promise<Compared> {
  needFiles(clients);
  const rigs: Rig[] = [];
  const servers = [await startNaive(), await startSkylark()];
  try {
    for (const server of servers) rigs.push(await Rig.open(server, clients, layout));
    const compared: Compared = {};
    for (const { name, perTick, rooms } of ticks) {
      const summaries = await alternate(rigs, rounds, (rig, isWarmUp) =>
        rig.run(perTick, isWarmUp ? seconds / 2 : seconds, rooms),
      );
      for (const rig of rigs) await rig.check();
      show(name, summaries);
      const [naive, ours] = summaries as [Summary, Summary];
      compared[name] = { ours, naive };
    }
    return compared;
  } finally {
    await Promise.all([...rigs, ...servers].map((one) => one.close()));
  }
}

/** As {@link compare}, in ratios. */
export async function besideNaive(...args: Parameters<typeof compare>): Promise<Figures> {
  const compared = Object.entries(await compare(...args));
  return Object.assign({}, ...compared.map(([name, { ours, naive }]) => ratios(name, ours, naive))) as Figures;
}
