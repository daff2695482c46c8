/**
 * One room, and everybody in it gets everything: Skylark's gateway against a naive `ws` server, in rounds that alternate.
 * Both get the same batches by the same RPC, and a tick is over when the last client has its last message.
 */
import { openFileLimit } from '../support/process.js';
import { Rig, type Round } from '../support/rig.js';
import { startNaive, startSkylark } from '../support/servers.js';

const isQuick = process.argv.includes('--quick');
const sizes = isQuick ? [100, 1_000] : [1_000, 10_000];
const ticks = [1, 16];
const payloadBytes = 100;
const rounds = isQuick ? 2 : 4;
const seconds = isQuick ? 0.5 : 3;

interface Row {
  clients: number;
  perTick: number;
  server: string;
  perSecond: number;
  cpuSecondsPerMillion: number;
}

/** The middle one of some rounds, by time and by CPU. */
function middle(measured: readonly Round[]): Pick<Row, 'perSecond' | 'cpuSecondsPerMillion'> {
  const median = (of: (round: Round) => number) => measured.map(of).sort((a, b) => a - b)[measured.length >> 1]!;
  return {
    perSecond: median(({ deliveries, seconds: took }) => deliveries / took),
    cpuSecondsPerMillion: median(({ deliveries, serverCpuSeconds }) => (serverCpuSeconds / deliveries) * 1e6),
  };
}

/** Both servers with as many clients each, side by side. Each has a round that does not count first. */
async function compare(clients: number): Promise<Row[]> {
  const rigs: Rig[] = [];
  const servers = [await startNaive(), await startSkylark()];
  try {
    for (const server of servers) rigs.push(await Rig.open(server, clients));
    const rows: Row[] = [];
    for (const perTick of ticks) {
      const measured = new Map<Rig, Round[]>(rigs.map((rig) => [rig, []]));
      for (let round = 0; round <= rounds; round += 1) {
        for (const rig of rigs) {
          const took = await rig.run(perTick, payloadBytes, round === 0 ? seconds / 2 : seconds);
          if (round > 0) measured.get(rig)!.push(took);
        }
      }
      for (const rig of rigs) {
        await rig.check();
        rows.push({ clients, perTick, server: rig.server.name, ...middle(measured.get(rig)!) });
      }
    }
    return rows;
  } finally {
    await Promise.all([...rigs, ...servers].map((one) => one.close()));
  }
}

async function main(): Promise<void> {
  const needed = Math.max(...sizes) + 100;
  if (openFileLimit() < needed) {
    throw new Error(`a process may open ${openFileLimit()} files, this bench needs ${needed}: ulimit -n ${needed}`);
  }
  console.log(
    `one room, ${payloadBytes} B, ${rounds} alternating rounds of ${seconds} s, medians; Node ${process.version}${isQuick ? '; quick: its ratios say little' : ''}\n`,
  );
  const widths = [8, 9, 10, 14, 22] as const;
  const line = (cells: readonly (string | number)[]) =>
    console.log(cells.map((cell, i) => String(cell).padStart(widths[i]!)).join('  '));
  line(['clients', 'per tick', 'server', 'deliveries/s', 'CPU s per M deliveries']);
  const ratios: Record<string, number> = {};
  for (const clients of sizes) {
    const rows = await compare(clients);
    for (const { perTick, server, perSecond, cpuSecondsPerMillion } of rows) {
      line([clients, perTick, server, Math.round(perSecond), cpuSecondsPerMillion.toFixed(2)]);
    }
    for (const perTick of ticks) {
      const [naive, ours] = rows.filter((row) => row.perTick === perTick) as [Row, Row];
      const name = `one_room_${clients}_clients_${perTick}_per_tick`;
      ratios[`${name}_cpu`] = round2(naive.cpuSecondsPerMillion / ours.cpuSecondsPerMillion);
      ratios[`${name}_rate`] = round2(ours.perSecond / naive.perSecond);
    }
  }
  console.log('\n× naive ws: deliveries per CPU second of the server (cpu), deliveries per second (rate)');
  console.log(JSON.stringify(ratios));
}

const round2 = (ratio: number) => Math.round(ratio * 100) / 100;

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
