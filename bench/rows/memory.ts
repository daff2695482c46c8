/** What a connection that is logged in costs a gateway while it is idle, and what each app costs before anybody came. */
import { setTimeout } from 'node:timers/promises';
import { messageType, roomName } from '../support/message.js';
import { startBackends, type Backends } from '../support/backends.js';
import { rounded, type Bench, type Figures } from '../support/bench.js';
import { jwtSecret, loginEnv } from '../support/login.js';
import { Load } from '../support/load.js';
import { needFiles, residentBytes } from '../support/process.js';
import { range, spread } from '../support/rounds.js';
import { start } from '../support/servers.js';
import { startSeparate } from '../support/system.js';

/** Who the clients are. */
interface Case {
  name: string;
  roomsEach: number;
  query?: string;
  rounds: number;
}

/** Between which numbers of connections the cases beside the main one are looked at. */
const aside = [3_000, 10_000] as const;

/** Resolves with a process's memory once its collector has nothing more to do: three looks in a row that differ by less than 1 %. */
async function settled(look: () => number): Promise<number> {
  let last = look();
  for (let same = 0, looks = 0; same < 3 && looks < 40; looks += 1) {
    await setTimeout(500);
    const now = look();
    same = Math.abs(now / last - 1) < 0.01 ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** KB of one connection: the growth between two numbers of them. */
async function growth(port: number, look: () => number, from: number, to: number, { roomsEach, query }: Case) {
  const load = new Load();
  const all = { port, rooms: Math.max(1, roomsEach), roomsEach, jwtSecret, ...(query && { query }) };
  try {
    await load.connect({ count: from, ...all });
    const before = await settled(look);
    await load.connect({ count: to - from, ...all });
    const grown = (await settled(look)) - before;
    const { closed } = await load.report();
    if (closed > 0) throw new Error(`${closed} connections were closed`);
    return grown / (to - from) / 1024;
  } finally {
    await load.close();
  }
}

async function ofSkylark(backends: Backends, from: number, to: number, one: Case): Promise<number> {
  const system = await startSeparate(backends, { env: loginEnv });
  try {
    return await growth(system.clientPorts[0]!, () => system.residentBytes()['gateway']!, from, to, one);
  } finally {
    await system.close();
  }
}

async function ofNest(from: number, to: number, one: Case): Promise<number> {
  const nest = await start<{ port: number }>('nest WsAdapter', 'bench/baselines/nest-default.ts');
  try {
    return await growth(nest.port, () => residentBytes(nest.pid), from, to, one);
  } finally {
    await nest.close();
  }
}

/** MB of each app that nobody has come to yet. */
async function bases(backends: Backends): Promise<Figures> {
  const system = await startSeparate(backends, { env: loginEnv });
  try {
    await settled(() => Object.values(system.residentBytes()).reduce((sum, bytes) => sum + bytes, 0));
    const mb = Object.entries(system.residentBytes()).map(([app, bytes]) => [app, bytes / 2 ** 20] as const);
    console.log(`  base: ${mb.map(([app, size]) => `${app} ${size.toFixed(0)} MB`).join(', ')}`);
    return { memory_largest_base_mb: rounded(Math.max(...mb.map(([, size]) => size))) };
  } finally {
    await system.close();
  }
}

/** KB that each of some clients costs at most who read nothing of far more than the kernel takes, until they are closed. */
async function slowReaders(backends: Backends, count: number): Promise<Figures> {
  const system = await startSeparate(backends, { env: loginEnv });
  const load = new Load();
  try {
    await load.connect({ port: system.clientPorts[0]!, count, rooms: 1, roomsEach: 1, jwtSecret });
    load.ask({ do: 'stall' });
    const before = system.residentBytes()['gateway']!;
    let most = before;
    const push = { rooms: [roomName(0)], type: messageType, text: 'x'.repeat(60_000) };
    for (let i = 0; i < 150; i += 1) {
      await system.post('/v1/push/rooms', push);
      most = Math.max(most, system.residentBytes()['gateway']!);
    }
    const kb = (most - before) / count / 1024;
    console.log(`  a client that reads nothing: at most ${kb.toFixed(0)} KB`);
    return { memory_slow_reader_kb: rounded(kb) };
  } finally {
    await load.close();
    await system.close();
  }
}

export const memory: Bench = {
  what: 'KB per connection that is logged in, between 5,000 and 19,000; base of each app',
  async run({ quick, rounds }) {
    const [from, to] = quick ? [100, 1_000] : [5_000, 19_000];
    needFiles(to);
    const cases: Case[] = [
      { name: 'one_room', roomsEach: 1, rounds: quick ? 1 : rounds },
      { name: 'no_room', roomsEach: 0, rounds: 1 },
      { name: 'three_rooms', roomsEach: 3, rounds: 1 },
      { name: 'labels', roomsEach: 1, query: 'labels=platform:ios,version:7,seat:{i}', rounds: 1 },
    ];
    const backends = await startBackends();
    try {
      const figures = await bases(backends);
      for (const one of cases) {
        const kb: number[] = [];
        const [low, high] = one.rounds > 1 || quick ? [from, to] : aside;
        for (let round = 0; round < one.rounds; round += 1) kb.push(await ofSkylark(backends, low, high, one));
        console.log(`  ${one.name.padEnd(12)} ${range(spread(kb), 2)} KB`);
        figures[`memory_${one.name}_kb`] = rounded(spread(kb).median);
      }
      const nest = await ofNest(from, to, cases[0]!);
      console.log(`  Nest's WsAdapter, which knows neither users nor rooms ${nest.toFixed(2)} KB`);
      figures.memory_beside_nest = rounded(nest / figures.memory_one_room_kb!);
      return Object.assign(figures, await slowReaders(backends, quick ? 10 : 100));
    } finally {
      await backends.close();
    }
  },
};
