/** A paced push on 3 gateways at 1,000 a second: it is to take its time, evenly, while a push to a room in the middle of it arrives at once. */
import { setTimeout } from 'node:timers/promises';
import { connect } from '../../test/support/wire-client.js';
import { rounded, type Bench } from '../support/bench.js';
import type { ClusterListening } from '../support/cluster-server.js';
import { checkWhole, Load } from '../support/load.js';
import { messageType, text } from '../support/message.js';
import { end, forkBench, heard } from '../support/process.js';

const speed = 1_000;
const gateways = 3;
const ticks = 10;

export const paced: Bench = {
  what: `a push to 10,000 clients on ${gateways} gateways at ${speed} a second, and one to a room meanwhile`,
  async run({ quick }) {
    const clients = quick ? 2_000 : 10_000;
    const server = forkBench('bench/support/cluster-server.ts', [String(gateways)]);
    const load = new Load();
    try {
      const { restUrl, clientPorts } = await heard<ClusterListening>(server, 'the cluster');
      const post = async (path: string, body: object) => {
        const answer = await fetch(restUrl + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      };
      for (const [i, port] of clientPorts.entries()) {
        await load.connect({ port, count: Math.floor((clients + i) / gateways), rooms: 1, roomsEach: 1 });
      }
      const watcher = await connect(`ws://127.0.0.1:${clientPorts[0]}/connect`, { query: { rooms: 'middle' } });
      let online = 0;
      while (online < clients + 1) {
        await setTimeout(100);
        ({ connections: online } = (await (await fetch(`${restUrl}/v1/online`)).json()) as { connections: number });
      }

      const began = performance.now();
      const seconds = () => (performance.now() - began) / 1_000;
      load.ask({ do: 'expect', messages: clients });
      const arrived = load.told('expect', 60_000).then(seconds);
      await post('/v1/push/all', { type: messageType, data: text(1, 0), speed });
      const steps: number[] = [];
      const roomMs: number[] = [];
      for (let tick = 1; tick <= ticks; tick += 1) {
        await setTimeout(Math.max(0, (tick / ticks) * (clients / speed) * 1_000 - (performance.now() - began)));
        steps.push((await load.report()).messages);
        const pushedAt = performance.now();
        await post('/v1/push/rooms', { rooms: ['middle'], type: 5, data: tick });
        await watcher.next(5);
        roomMs.push(performance.now() - pushedAt);
      }
      const took = await arrived;
      checkWhole('paced', [1], await load.report());
      await watcher.drop();

      const uneven = Math.max(...steps.map((step, i) => Math.abs(step / clients - (i + 1) / ticks)));
      console.log(`  ${clients} clients at ${speed} a second: ${took.toFixed(2)} s`);
      console.log(`  after each tenth of the time: ${steps.join(' ')}; at most ${(uneven * 100).toFixed(1)} % off`);
      console.log(`  a push to a room meanwhile: ${roomMs.map((ms) => ms.toFixed(0)).join(' ')} ms`);
      return { paced_off_percent: rounded(Math.abs(took / (clients / speed) - 1) * 100) };
    } finally {
      await Promise.all([load.close(), end(server)]);
    }
  },
};
