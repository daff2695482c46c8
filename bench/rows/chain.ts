/** POST → logic → Kafka → job → gateway → clients, whole: what all three apps spend per delivery, and logic and job per push. */
import { Audience, type RestRound } from '../support/audience.js';
import { startBackends } from '../support/backends.js';
import { rounded, type Bench, type Figures, type Size } from '../support/bench.js';
import { inTurns, ratios, show, spread, summary } from '../support/rounds.js';
import { startNaiveHttp, startSeparate, type System } from '../support/system.js';

const warmUpPerSecond = 200;

/** Rounds of both systems at 1 and at 16 pushes a call; ours is the second. */
async function measure(
  clients: number,
  warmUpSeconds: number,
  { rounds, seconds }: Size,
  judged: (perTick: number, systems: { name: string; rounds: RestRound[] }[]) => Figures,
): Promise<Figures> {
  const figures: Figures = {};
  const backends = await startBackends();
  const systems: System[] = [];
  const audiences: Audience[] = [];
  try {
    systems.push(await startNaiveHttp(), await startSeparate(backends));
    for (const system of systems) audiences.push(await Audience.open(system, clients));
    // One at a time, 1,000 pushes take ten seconds, and until then Node interprets: no server runs such code for long.
    for (const audience of audiences) await audience.pace(warmUpPerSecond, warmUpSeconds);
    for (const perTick of [1, 16]) {
      const measured = await inTurns(audiences, rounds, (audience) => audience.run(perTick, seconds));
      for (const audience of audiences) await audience.check();
      const named = audiences.map(({ name }, i) => ({ name, rounds: measured[i]! }));
      show(
        `${perTick} per call, ${clients} clients`,
        named.map((one) => summary(one.name, one.rounds)),
      );
      Object.assign(figures, judged(perTick, named));
    }
    return figures;
  } finally {
    await Promise.all([...audiences, ...systems].map((one) => one.close()));
    await backends.close();
  }
}

export const chain: Bench = {
  what: 'POST to 1,000 clients over Kafka, all three apps counted, beside naive ws + HTTP',
  run: (size) =>
    measure(size.quick ? 100 : 1_000, 1, size, (perTick, [naive, ours]) =>
      ratios(`chain_${perTick}_per_tick`, summary(ours!.name, ours!.rounds), summary(naive!.name, naive!.rounds)),
    ),
};

export const way: Bench = {
  what: 'CPU of logic and of job per push to a room, one at a time and in 16s',
  run: (size) =>
    measure(10, size.quick ? 1 : 12, size, (perTick, [, ours]) => {
      const perPush = (app: string) =>
        spread(ours!.rounds.map(({ cpuByApp, pushes }) => (cpuByApp[app]! / pushes) * 1_000)).median;
      const [logic, job] = [perPush('logic'), perPush('job')];
      console.log(`    CPU ms per push: logic ${logic.toFixed(3)}, job ${job.toFixed(3)}`);
      return { [`way_${perTick === 1 ? 'alone' : 'in_16s'}_cpu_ms`]: rounded(logic + job) };
    }),
};
