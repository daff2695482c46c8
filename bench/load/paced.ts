/**
 * A paced push to 10,000 clients on 3 gateways at 1,000 a second: it is to take 10 seconds, evenly, while a push to a room
 * in the middle of it arrives at once. Ends with a code other than 0 when it does not.
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { connect } from '../../test/support/wire-client.js';
import type { ClusterListening } from '../support/cluster-server.js';
import type { FromLoad, ToLoad } from '../support/load-clients.js';
import { digits, messageType } from '../support/message.js';
import { end, forkBench } from '../support/process.js';

const clients = Number(process.argv[2] ?? 10_000);
const speed = Number(process.argv[3] ?? 1_000);
const gateways = 3;
const ticks = 10;

function said<T>(child: ChildProcess, holds: (message: T) => boolean = () => true): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a process ended'));
    const onMessage = (message: unknown) => {
      if (!holds(message as T)) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(message as T);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

async function main(): Promise<void> {
  const server = forkBench('bench/support/cluster-server.ts', [String(gateways)]);
  const load = forkBench('bench/support/load-clients.ts');
  const ask = (message: ToLoad) => void load.send(message);
  const told = <K extends FromLoad['did']>(did: K) =>
    said<Extract<FromLoad, { did: K }>>(load, (message) => message.did === did);
  try {
    const { restUrl, clientPorts } = await said<ClusterListening>(server);
    const post = async (path: string, body: object) => {
      const answer = await fetch(restUrl + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    };
    for (const [i, port] of clientPorts.entries()) {
      const count = Math.floor((clients + i) / gateways);
      ask({ do: 'connect', port, path: '/connect', count });
      await told('connect');
    }
    const watcher = await connect(`ws://127.0.0.1:${clientPorts[0]}/connect`, { query: { rooms: 'middle' } });
    let online = 0;
    while (online < clients + 1) {
      await setTimeout(100);
      ({ connections: online } = (await (await fetch(`${restUrl}/v1/online`)).json()) as { connections: number });
    }

    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1_000;
    ask({ do: 'expect', messages: clients });
    const arrived = told('expect').then(seconds);
    await post('/v1/push/all', { type: messageType, data: '1'.padStart(digits, '0'), speed });
    const steps: number[] = [];
    const roomMs: number[] = [];
    for (let tick = 1; tick <= ticks; tick += 1) {
      await setTimeout(Math.max(0, (tick / ticks) * (clients / speed) * 1_000 - (performance.now() - began)));
      ask({ do: 'report' });
      steps.push((await told('report')).messages);
      const pushedAt = performance.now();
      await post('/v1/push/rooms', { rooms: ['middle'], type: 5, data: tick });
      await watcher.next(5);
      roomMs.push(performance.now() - pushedAt);
    }
    const took = await arrived;
    ask({ do: 'report' });
    const { messages, least, most, disorder } = await told('report');
    await watcher.drop();

    const wanted = clients / speed;
    const uneven = Math.max(...steps.map((step, i) => Math.abs(step / clients - (i + 1) / ticks)));
    console.log(`${clients} clients on ${gateways} gateways at ${speed} a second: ${took.toFixed(2)} s`);
    console.log(`after each tenth of the time: ${steps.join(' ')}; at most ${(uneven * 100).toFixed(1)} % off`);
    console.log(`a push to a room meanwhile: ${roomMs.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    const isRight = messages === clients && least === 1 && most === 1 && disorder === 0;
    if (!isRight) throw new Error(`of ${clients} messages ${messages} came; each client got ${least} to ${most}`);
    if (Math.abs(took / wanted - 1) > 0.1) throw new Error(`it was to take ${wanted} s ± 10 %`);
  } finally {
    await Promise.all([end(load), end(server)]);
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
