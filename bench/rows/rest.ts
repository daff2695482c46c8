/** Pushes that REST accepts, Kafka on, beside an empty Nest controller on the same HTTP adapter. What was accepted is counted in Kafka. */
import kafkajs from 'kafkajs';
import { Processes } from '../../test/support/processes.js';
import type { FromHttp, ToHttp } from '../load/http.js';
import { startBackends } from '../support/backends.js';
import { type Bench } from '../support/bench.js';
import { cpuSeconds, end, endAll, forkBench, heard, profileArgs } from '../support/process.js';
import { alternate, ratios, show, type Summary } from '../support/rounds.js';
import { start } from '../support/servers.js';

const connections = 32;
/** V8 goes on compiling for some ten thousand pushes, which a service does once in its life: what both are asked for before they count. */
const warmUpRounds = 6;

export const rest: Bench = {
  what: `pushes accepted from ${connections} producers, Kafka on, beside an empty Nest + Fastify controller`,
  async run({ rounds, seconds }) {
    const backends = await startBackends();
    const processes = new Processes({ ...backends.env, MAX_PUSHES_PER_SECOND: '0', LOG_LEVEL: 'info' }, profileArgs);
    const load = forkBench('bench/load/http.ts');
    const empty = await start<{ port: number }>('empty Nest + Fastify', 'bench/baselines/nest-empty.ts');
    let accepted = 0;
    try {
      const logic = await processes.startLogic();
      await logic.says('bus is open');
      const servers = [
        { name: empty.name, pid: empty.pid, port: empty.port },
        { name: 'skylark logic', pid: logic.pid, port: Number(new URL(processes.restUrls[0]!).port) },
      ];
      const summaries = await alternate(servers, rounds, async ({ pid, port }, isWarmUp) => {
        const before = { server: cpuSeconds(pid), load: cpuSeconds(load.pid!) };
        load.send({ port, connections, seconds: isWarmUp ? seconds * warmUpRounds : seconds } satisfies ToHttp);
        const answered = await heard<FromHttp>(load, 'the producers');
        if (pid === logic.pid) accepted += answered.accepted;
        return {
          count: answered.accepted,
          seconds: answered.seconds,
          serverCpuSeconds: cpuSeconds(pid) - before.server,
          loadCpuSeconds: cpuSeconds(load.pid!) - before.load,
        };
      });
      const held = await recordsIn(backends.env.KAFKA_BROKERS, `${processes.env.KAFKA_TOPIC_PREFIX}records`);
      if (held !== accepted) throw new Error(`${accepted} pushes were accepted, Kafka holds ${held}`);
      show('accepted', summaries);
      const [baseline, ours] = summaries as [Summary, Summary];
      return ratios('rest', ours, baseline);
    } finally {
      await Promise.all([end(load), empty.close(), endAll(processes)]);
      await backends.close();
    }
  },
};

async function recordsIn(brokers: string, topic: string): Promise<number> {
  const { Kafka, logLevel } = kafkajs;
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
}
