/** Newcomers with a token, a user and a room; and a whole gateway's clients who come back to another one with `since`. */
import type { AppProcess } from '../../test/support/processes.js';
import { Audience } from '../support/audience.js';
import { startBackends, type Backends } from '../support/backends.js';
import { rounded, type Bench, type Figures, type Size } from '../support/bench.js';
import { Load } from '../support/load.js';
import { jwtSecret, loginEnv } from '../support/login.js';
import { cpuSeconds, needFiles } from '../support/process.js';
import { alternate, ratios, show, type Summary } from '../support/rounds.js';
import { start } from '../support/servers.js';
import { startSeparate } from '../support/system.js';

const clientsOf = ({ quick }: Size) => (quick ? 500 : 15_000);

async function accepting(backends: Backends, size: Size): Promise<Figures> {
  const naive = await start<{ port: number }>('naive ws', 'bench/baselines/naive-login.ts');
  const system = await startSeparate(backends, { env: loginEnv });
  const sum = (values: Record<string, number>) => Object.values(values).reduce((total, one) => total + one, 0);
  try {
    const servers = [
      { name: naive.name, port: naive.port, spent: () => cpuSeconds(naive.pid) },
      { name: 'skylark on Redis', port: system.clientPorts[0]!, spent: () => sum(system.cpuSeconds()) },
    ];
    const count = size.quick ? 200 : 3_000;
    const summaries = await alternate(servers, size.rounds, async ({ port, spent }) => {
      const load = new Load();
      await load.report(); // it is there
      const before = { at: performance.now(), server: spent(), load: load.cpuSeconds };
      await load.connect({ port, count, rooms: 1, roomsEach: 1, jwtSecret, atOnce: 100 });
      const seconds = (performance.now() - before.at) / 1000;
      const round = {
        count,
        seconds,
        serverCpuSeconds: spent() - before.server,
        loadCpuSeconds: load.cpuSeconds - before.load,
      };
      await load.close();
      return round;
    });
    show(`${count} newcomers, 100 at once; all three apps counted`, summaries);
    const [baseline, ours] = summaries as [Summary, Summary];
    return {
      ...ratios('accept', ours, baseline),
      accept_per_second_and_core: rounded(1e6 / ours.cpuSecondsPerMillion.median),
    };
  } finally {
    await Promise.all([naive.close(), system.close()]);
  }
}

/** The gateway of all is killed, some is pushed meanwhile, and all come to another one at once. */
async function comingBack(backends: Backends, size: Size): Promise<Figures> {
  const system = await startSeparate(backends, { gateways: 2, env: loginEnv });
  const clients = clientsOf(size);
  const [first, second] = system.clientPorts as [number, number];
  const audience = await Audience.open(system, clients, { ports: [first], jwtSecret });
  try {
    const [killed, other] = system.processes.all.filter(({ app }) => app === 'gateway');
    const died = audience.load.told('lose', 60_000);
    await longestPauseMs(other!); // it begins anew after each look
    killed!.kill('SIGKILL');
    await died;
    const began = performance.now();
    for (let i = 0; i < 5; i += 1) await audience.push(1);
    audience.load.ask({ do: 'reconnect', port: second });
    await audience.arrived();
    const seconds = (performance.now() - began) / 1000;
    const pauseMs = await longestPauseMs(other!);
    await audience.check(clients);
    console.log(
      `  ${clients} come back with since: all have all after ${seconds.toFixed(1)} s, longest pause ${pauseMs.toFixed(0)} ms`,
    );
    return { accept_back_seconds: rounded(seconds), accept_back_longest_pause_ms: rounded(pauseMs) };
  } finally {
    await audience.close();
    await system.close();
  }
}

/** Of a process's event loop since the last look. */
async function longestPauseMs(app: AppProcess): Promise<number> {
  const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await app.metrics())?.[1];
  return Number(seconds) * 1_000;
}

export const accept: Bench = {
  what: 'newcomers with login per second and core, beside naive ws; 15,000 who come back with since after their gateway was killed',
  async run(size) {
    needFiles(clientsOf(size));
    const backends = await startBackends();
    try {
      return { ...(await accepting(backends, size)), ...(await comingBack(backends, size)) };
    } finally {
      await backends.close();
    }
  },
};
