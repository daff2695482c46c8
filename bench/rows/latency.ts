/** POST → last of 1,000 clients, embedded and on Kafka, beside a naive `ws` + HTTP server: alone, beside a noisy room, beside a client that does not read. */
import { Audience } from '../support/audience.js';
import { startBackends } from '../support/backends.js';
import { rounded, type Bench, type Figures, type Size } from '../support/bench.js';
import { inTurns } from '../support/rounds.js';
import { startEmbedded, startNaiveHttp, startSeparate, type System } from '../support/system.js';

/** Each to a room of its own, in which all clients are. */
const producers = 10;

const short: Readonly<Record<string, string>> = { 'skylark embedded': 'embedded', 'skylark on Kafka': 'kafka' };

const percentile = (sorted: readonly number[], share: number) => sorted[Math.ceil(sorted.length * share) - 1]!;

/** Prints the percentiles of each, and answers p50 and p99 of ours in ms and beside the naive server. */
function judged(name: string, measured: readonly { name: string; ms: readonly number[] }[]): Figures {
  console.log(`  ${name}`);
  const rows = measured.map(({ name: system, ms }) => {
    const sorted = [...ms].sort((a, b) => a - b);
    const [p50, p99, max] = [percentile(sorted, 0.5), percentile(sorted, 0.99), sorted.at(-1)!];
    console.log(
      `    ${system.padEnd(20)} p50 ${p50.toFixed(1)}  p99 ${p99.toFixed(1)}  max ${max.toFixed(1)} ms of ${ms.length}`,
    );
    return { system, p50, p99 };
  });
  const [naive, ...ours] = rows as [(typeof rows)[0], ...typeof rows];
  return Object.fromEntries(
    ours.flatMap(({ system, p50, p99 }) => {
      const figure = `latency_${short[system]}_${name}`;
      return [
        [`${figure}_p50_ratio`, rounded(p50 / naive.p50)],
        [`${figure}_p99_ratio`, rounded(p99 / naive.p99)],
        [`${figure}_p99_ms`, rounded(p99)],
      ];
    }),
  );
}

async function measure(
  name: string,
  audiences: readonly Audience[],
  perSecond: number,
  seconds: number,
  { rounds, quick }: Size,
) {
  const measured = await inTurns(audiences, rounds, (audience, isWarmUp) =>
    audience.pace(perSecond, quick || isWarmUp ? 1 : seconds),
  );
  for (const audience of audiences) await audience.check();
  return judged(
    name,
    audiences.map((audience, i) => ({ name: audience.name, ms: measured[i]!.flat() })),
  );
}

/** The same with another room of each system at full speed; it is heard only while its system is measured. */
async function withNeighbour(
  audiences: readonly Audience[],
  clients: number,
  { rounds, quick }: Size,
): Promise<Figures> {
  const noisy = await Promise.all(audiences.map(({ system }) => Audience.open(system, clients, { prefix: 'noise' })));
  try {
    const pairs = audiences.map((audience, i) => ({ audience, neighbour: noisy[i]! }));
    const measured = await inTurns(pairs, rounds, async ({ audience, neighbour }, isWarmUp) => {
      const flood = neighbour.flood(16);
      const ms = await audience.pace(20, quick || isWarmUp ? 1 : 3);
      await flood.stop();
      return ms;
    });
    for (const audience of [...audiences, ...noisy]) await audience.check();
    return judged(
      '20_beside_noise',
      audiences.map(({ name }, i) => ({ name, ms: measured[i]!.flat() })),
    );
  } finally {
    await Promise.all(noisy.map((audience) => audience.close()));
  }
}

export const latency: Bench = {
  what: 'POST → last of 1,000 clients at 20 and 100 a second, embedded and on Kafka, beside naive ws + HTTP',
  async run(size) {
    const clients = size.quick ? 100 : 1_000;
    const backends = await startBackends();
    const systems: System[] = [];
    const audiences: Audience[] = [];
    const silent: Audience[] = [];
    try {
      systems.push(await startNaiveHttp(), await startEmbedded(), await startSeparate(backends));
      for (const system of systems) audiences.push(await Audience.open(system, clients, { rooms: producers }));
      const figures = await measure('20', audiences, 20, 5, size);
      Object.assign(figures, await measure('100', audiences, 100, 3, size));
      Object.assign(figures, await withNeighbour(audiences, Math.ceil(clients / 10), size));
      for (const system of systems) silent.push(await Audience.open(system, 1, { rooms: producers }));
      for (const one of silent) one.stall();
      return Object.assign(figures, await measure('20_beside_one_who_does_not_read', audiences, 20, 3, size));
    } finally {
      await Promise.all([...silent, ...audiences, ...systems].map((one) => one.close()));
      await backends.close();
    }
  },
};
