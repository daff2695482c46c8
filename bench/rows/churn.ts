/** An hour of clients who come with a login and go again: the gateway's memory stays as it was after the first tenth. */
import { startBackends } from '../support/backends.js';
import { rounded, type Bench } from '../support/bench.js';
import { Load } from '../support/load.js';
import { jwtSecret, loginEnv } from '../support/login.js';
import { startSeparate } from '../support/system.js';

export const churn: Bench = {
  what: 'an hour of 5,000 who come and go: growth of the memory of each app after the first tenth',
  byHand: true,
  async run({ quick }) {
    const [seconds, count] = quick ? [10, 200] : [3_600, 5_000];
    const backends = await startBackends();
    const system = await startSeparate(backends, { env: loginEnv });
    try {
      const began = performance.now();
      let gone = 0;
      let early: Record<string, number> | undefined;
      let share = 0;
      do {
        const load = new Load();
        await load.connect({ port: system.clientPorts[0]!, count, rooms: 10, roomsEach: 1, jwtSecret });
        await load.close();
        gone += count;
        share = (performance.now() - began) / 1000 / seconds;
        if (share > 0.1) early ??= system.residentBytes();
      } while (share < 1);
      const late = system.residentBytes();
      const growth = Object.entries(late).map(
        ([app, bytes]) => [`churn_${app}`, rounded(bytes / early![app]!)] as const,
      );
      console.log(`  ${gone} came and went; memory at the end, as a share of that after the first tenth:`);
      for (const [app, times] of growth) console.log(`    ${app} ${times}`);
      return Object.fromEntries(growth);
    } finally {
      await system.close();
      await backends.close();
    }
  },
};
