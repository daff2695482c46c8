import type { Figures, Size } from './bench.js';
import type { Layout } from './message.js';
import { needFiles } from './process.js';
import { Rig } from './rig.js';
import { alternate, ratios, show, type Summary } from './rounds.js';
import { startNaive, startSkylark, startSocketIo } from './servers.js';

/** What one tick brings. */
export interface Tick {
  name: string;
  /** Messages to each room. */
  perTick: number;
  /** Which rooms; by default the first. */
  rooms?: () => readonly number[];
}

/** What each contestant did, by the name of the tick. */
export type Compared = Record<string, { ours: Summary; naive: Summary; socketIo?: Summary }>;

export interface CompareOptions {
  layout?: Layout;
  /** A socket.io server runs beside them too. */
  withSocketIo?: boolean;
}

/** Skylark's gateway and a naive `ws` server with as many clients each, side by side, at each of some ticks. */
export async function compare(
  clients: number,
  ticks: readonly Tick[],
  { rounds, seconds }: Pick<Size, 'rounds' | 'seconds'>,
  { layout, withSocketIo = false }: CompareOptions = {},
): Promise<Compared> {
  needFiles(clients);
  const rigs: Rig[] = [];
  const servers = [await startNaive(), await startSkylark()];
  if (withSocketIo) servers.push(await startSocketIo());
  try {
    for (const server of servers) rigs.push(await Rig.open(server, clients, layout));
    const compared: Compared = {};
    for (const { name, perTick, rooms } of ticks) {
      const summaries = await alternate(rigs, rounds, (rig, isWarmUp) =>
        rig.run(perTick, isWarmUp ? seconds / 2 : seconds, rooms),
      );
      for (const rig of rigs) await rig.check();
      show(name, summaries);
      const [naive, ours, socketIo] = summaries as [Summary, Summary, Summary | undefined];
      compared[name] = { ours, naive, ...(socketIo && { socketIo }) };
    }
    return compared;
  } finally {
    await Promise.all([...rigs, ...servers].map((one) => one.close()));
  }
}

/** As {@link compare}, in ratios. */
export async function besideNaive(...args: Parameters<typeof compare>): Promise<Figures> {
  const figures: Figures = {};
  for (const [name, { ours, naive, socketIo }] of Object.entries(await compare(...args))) {
    Object.assign(figures, ratios(name, ours, naive));
    if (socketIo) Object.assign(figures, ratios(`${name}_beside_socket_io`, ours, socketIo));
  }
  return figures;
}
