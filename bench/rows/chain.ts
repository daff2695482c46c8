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
  async run(size) {
    let ourPace = 0;
    const figures = await measure(10, size.quick ? 1 : 12, size, (perTick, [, ours]) => {
      const perPush = (app: string) =>
        spread(ours!.rounds.map(({ cpuByApp, pushes }) => (cpuByApp[app]! / pushes) * 1_000)).median;
      const [logic, job] = [perPush('logic'), perPush('job')];
      console.log(`    CPU ms per push: logic ${logic.toFixed(3)}, job ${job.toFixed(3)}`);
      if (perTick === 1) ourPace = spread(ours!.rounds.map(({ pushes, seconds }) => pushes / seconds)).median;
      return { [`way_${perTick === 1 ? 'alone' : 'in_16s'}_cpu_ms`]: rounded(logic + job) };
    });
    const naive = await naiveAtPace(Math.round(ourPace), size);
    console.log(`  at the pace of ours, one at a time, naive ws + HTTP, ${naive.toFixed(3)} ms of CPU per push`);
    return { ...figures, way_alone_naive_cpu_ms: rounded(naive) };
  },
};

/**
 * What a push costs that server when it comes as seldom as ours come one at a time: most of that is what waking up costs,
 * which a server that is never idle does not pay.
 */
async function naiveAtPace(perSecond: number, { seconds }: Size): Promise<number> {
  const system = await startNaiveHttp();
  const audience = await Audience.open(system, 10);
  try {
    await audience.pace(warmUpPerSecond, seconds);
    const spent = () => Object.values(system.cpuSeconds()).reduce((sum, one) => sum + one, 0);
    const before = spent();
    await audience.pace(perSecond, seconds);
    await audience.check();
    return ((spent() - before) / (perSecond * seconds)) * 1_000;
  } finally {
    await Promise.all([audience.close(), system.close()]);
  }
}
