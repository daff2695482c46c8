/**
 * A million connections that are logged in, on one machine, load side included: as many gateways as it takes, each with a load process,
 * since a process may open 20,000 files. Then a push to all of them, to a room of 10,000 and to one user.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { startBackends } from '../support/backends.js';
import { rounded, type Bench, type Figures } from '../support/bench.js';
import { Load } from '../support/load.js';
import { jwtSecret, loginEnv } from '../support/login.js';
import { messageType, roomName, text } from '../support/message.js';
import { needFiles } from '../support/process.js';
import { startSeparate } from '../support/system.js';

/** What is no room has a number like one. */
const toAll = 9_999;
const toUser = 9_998;

const mib = 2 ** 20;
/** So much of the machine's memory is not for us: it is full before the system ends somebody to make room. */
const reserve = 768 * mib;
const availableBytes = () =>
  Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) * 1024;

export const million: Bench = {
  what: '1,000,000 connections with login on this machine; pushes to all, to a room of 10,000, to one user',
  byHand: true,
  async run({ quick }) {
    const clients = quick ? 2_000 : 1_000_000;
    const each = quick ? 1_000 : 19_000;
    const inRoom = quick ? 500 : 10_000;
    needFiles(each);
    const gateways = Math.ceil(clients / each);
    const backends = await startBackends();
    const loads: Load[] = [];
    const before = availableBytes();
    const system = await startSeparate(backends, { gateways, env: loginEnv });
    try {
      const bases = before - availableBytes();
      console.log(`  ${gateways} gateways, logic and job: ${(bases / mib).toFixed(0)} MiB`);
      const began = performance.now();
      /** At each gateway. */
      const sizes: number[] = [];
      for (const [i, port] of system.clientPorts.entries()) {
        if (availableBytes() < reserve) {
          console.log(
            `  memory binds: ${(availableBytes() / mib).toFixed(0)} MiB are left for the rest of the machine`,
          );
          break;
        }
        const load = new Load();
        loads.push(load);
        const layout = { port, rooms: 1, jwtSecret, firstUser: i * each };
        if (i === 0) await load.connect({ ...layout, count: inRoom, roomsEach: 1 });
        const size = Math.min(each, clients - i * each);
        await load.connect({ ...layout, count: size - (i === 0 ? inRoom : 0), roomsEach: 0 });
        sizes.push(size);
        if (i % 10 === 9) console.log(`  ${(i + 1) * each} connected, ${(availableBytes() / mib).toFixed(0)} MiB free`);
      }
      const connectSeconds = (performance.now() - began) / 1000;
      await setTimeout(quick ? 500 : 10_000); // collectors come to rest
      const held = before - availableBytes() - bases;
      const connected = sizes.reduce((sum, size) => sum + size, 0);
      console.log(
        `  ${connected} connected after ${connectSeconds.toFixed(0)} s, ${(held / connected / 1024).toFixed(1)} KiB each, both ends`,
      );

      const had = loads.map(() => 0);
      /** Pushes, and answers after how many seconds all of those who are meant have it. */
      const push = async (path: string, body: object, room: number, meant: (i: number) => number): Promise<number> => {
        const arrived = loads.map(async (load, i) => {
          if (meant(i) === 0) return;
          load.ask({ do: 'expect', messages: (had[i]! += meant(i)) });
          await load.told('expect', 300_000);
        });
        const pushedAt = performance.now();
        await system.post(path, { ...body, type: messageType, data: text(1, room) });
        await Promise.all(arrived);
        return rounded((performance.now() - pushedAt) / 1000);
      };
      const figures: Figures = {
        million_connections: connected,
        million_kib_each: rounded(held / connected / 1024),
        million_seconds_to_all: await push('/v1/push/all', {}, toAll, (i) => sizes[i]!),
        million_seconds_to_room: await push('/v1/push/rooms', { rooms: [roomName(0)] }, 0, (i) =>
          i === 0 ? inRoom : 0,
        ),
        million_seconds_to_user: await push('/v1/push/users', { users: [`u${connected - 1}`] }, toUser, (i) =>
          i === sizes.length - 1 ? 1 : 0,
        ),
      };
      for (const [i, load] of loads.entries()) {
        const { messages, disorder, damaged, closed } = await load.report();
        if (messages === had[i] && disorder + damaged + closed === 0) continue;
        throw new Error(`gateway ${i}: ${JSON.stringify({ wanted: had[i], messages, disorder, damaged, closed })}`);
      }
      return figures;
    } finally {
      await Promise.all(loads.map((load) => load.close()));
      await system.close();
      await backends.close();
    }
  },
};
