/** PING → PONG through the whole gateway, beside Nest's own adapter. Every byte of every answer is compared. */
import type { FromPing, ToPing } from '../load/ping.js';
import { type Bench, type Figures } from '../support/bench.js';
import { cpuSeconds, end, forkBench, heard } from '../support/process.js';
import { alternate, ratios, show, type Summary } from '../support/rounds.js';
import { start, startSkylark, type ServerUnderTest } from '../support/servers.js';

const clients = 50;

/** A server, and who pings it. */
async function open(server: Pick<ServerUnderTest, 'name' | 'pid' | 'port' | 'close'>) {
  const load = forkBench('bench/load/ping.ts');
  const ask = (message: ToPing) => {
    load.send(message);
    return heard<FromPing>(load, 'who pings');
  };
  await ask({ do: 'connect', port: server.port, count: clients });
  return {
    name: server.name,
    run: async (window: number, seconds: number) => {
      const before = { server: cpuSeconds(server.pid), load: cpuSeconds(load.pid!) };
      const said = (await ask({ do: 'run', window, seconds })) as Extract<FromPing, { did: 'run' }>;
      return {
        count: said.pongs,
        seconds: said.seconds,
        serverCpuSeconds: cpuSeconds(server.pid) - before.server,
        loadCpuSeconds: cpuSeconds(load.pid!) - before.load,
      };
    },
    close: () => Promise.all([end(load), server.close()]),
  };
}

export const ping: Bench = {
  what: `PING → PONG, ${clients} clients with windows of 1 and 16, beside Nest's WsAdapter`,
  async run({ rounds, seconds }) {
    const figures: Figures = {};
    const contestants = [
      await open(await start('nest WsAdapter', 'bench/baselines/nest-default.ts')),
      await open(await startSkylark()),
    ];
    try {
      for (const window of [1, 16]) {
        const [nest, ours] = (await alternate(contestants, rounds, ({ run }) => run(window, seconds))) as [
          Summary,
          Summary,
        ];
        show(`window of ${window}`, [nest, ours]);
        Object.assign(figures, ratios(`ping_window_${window}`, ours, nest));
      }
    } finally {
      await Promise.all(contestants.map(({ close }) => close()));
    }
    return figures;
  },
};
