/** CPU per delivery as there are more clients, rooms, gateways and shards; a full run draws the curves of the README. */
import { Audience } from '../support/audience.js';
import { startBackends, type Backends } from '../support/backends.js';
import { rounded, type Bench, type Figures, type Size } from '../support/bench.js';
import { compare } from '../support/beside.js';
import { draw, type Curve } from '../support/curves.js';
import { show, spread, summary, type Summary } from '../support/rounds.js';
import { startSeparate } from '../support/system.js';

const unit = 'CPU s per million deliveries';
const cost = ({ cpuSecondsPerMillion }: Summary) => cpuSecondsPerMillion.median;

/** How many times as much the dearest costs as the first. */
const worst = (values: readonly number[]) => Math.max(...values) / values[0]!;

/** Prints how a cost grows, and draws it unless it is too small to mean something. */
function tell(name: string, places: readonly number[], curves: readonly Curve[], { quick }: Size): void {
  for (const { name: curve, values } of curves) {
    console.log(
      `  by ${name}, ${curve}: ${places.map((place, i) => `${place}: ${values[i]!.toFixed(2)}`).join('  ')} ${unit}`,
    );
  }
  if (!quick) draw(name, `by ${name}`, unit, places.map(String), curves);
}

async function byClients(size: Size): Promise<Figures> {
  const places = size.quick ? [100, 300, 1_000] : [1_000, 3_000, 10_000];
  const [naive, alone, joined]: [number[], number[], number[]] = [[], [], []];
  for (const clients of places) {
    const ticks = [1, 16].map((perTick) => ({ name: `${clients} clients, ${perTick} per tick`, perTick }));
    const [one, sixteen] = Object.values(await compare(clients, ticks, size));
    naive.push(cost(one!.naive));
    alone.push(cost(one!.ours));
    joined.push(cost(sixteen!.ours));
  }
  const curves = [
    { name: 'Skylark, 1 per tick', values: alone },
    { name: 'Skylark, 16 per tick', values: joined },
    { name: 'naive ws, 1 per tick', values: naive },
  ];
  tell('clients', places, curves, size);
  return {
    growth_clients_worse_than_naive: rounded(worst(alone) / worst(naive)),
    growth_clients_16: rounded(worst(joined)),
  };
}

/** Each client in one of them, and each of them gets a message a tick. */
async function byRooms(size: Size): Promise<Figures> {
  const places = [10, 100, 1_000];
  const [naive, ours]: [number[], number[]] = [[], []];
  for (const rooms of places) {
    const all = Array.from({ length: rooms }, (_, room) => room);
    const ticks = [{ name: `${rooms} rooms`, perTick: 1, rooms: () => all }];
    const layout = { rooms, roomsEach: 1 };
    const [compared] = Object.values(await compare(size.quick ? 1_000 : 10_000, ticks, size, { layout }));
    naive.push(cost(compared!.naive));
    ours.push(cost(compared!.ours));
  }
  const curves = [
    { name: 'Skylark', values: ours },
    { name: 'naive ws', values: naive },
  ];
  tell('rooms', places, curves, size);
  return { growth_rooms: rounded(worst(ours)), growth_rooms_worse_than_naive: rounded(worst(ours) / worst(naive)) };
}

/** What the whole chain spends, everybody in 16 rooms and 16 pushes a call, and what of it the gateways. */
async function ofChain(backends: Backends, size: Size, gateways: number, shards: number) {
  const system = await startSeparate(backends, { gateways, env: { SHARDS: String(shards) } });
  const audience = await Audience.open(system, size.quick ? 100 : 2_000, { rooms: 16 });
  try {
    await audience.run(16, size.seconds);
    const rounds = [];
    for (let i = 0; i < size.rounds; i += 1) rounds.push(await audience.run(16, size.seconds));
    await audience.check();
    const whole = summary(`${gateways} gateways, ${shards} shards`, rounds);
    show('whole chain', [whole]);
    const ofGateways = spread(rounds.map(({ cpuByApp, count }) => (cpuByApp['gateway']! / count) * 1e6)).median;
    return { whole: cost(whole), gateways: ofGateways };
  } finally {
    await audience.close();
    await system.close();
  }
}

async function byParts(backends: Backends, size: Size): Promise<Figures> {
  const figures: Figures = {};
  for (const [name, places] of [
    ['gateways', [1, 2, 4]],
    ['shards', [1, 4, 16]],
  ] as const) {
    const costs = [];
    for (const place of places) {
      const [gateways, shards] = name === 'gateways' ? [place, 16] : [1, place];
      costs.push(await ofChain(backends, size, gateways, shards));
    }
    const whole = costs.map((one) => one.whole);
    const curves = [
      { name: 'logic, job and gateways', values: whole },
      { name: 'gateways', values: costs.map((one) => one.gateways) },
    ];
    tell(name, places, curves, size);
    figures[`growth_${name}`] = rounded(worst(whole));
  }
  return figures;
}

export const growth: Bench = {
  what: 'CPU per delivery by clients, rooms, gateways and shards; draws the curves of bench/README.md',
  async run({ seconds, ...more }) {
    const size = { ...more, seconds: seconds / 2 }; // many places, each short
    const figures = { ...(await byClients(size)), ...(await byRooms(size)) };
    const backends = await startBackends();
    try {
      return { ...figures, ...(await byParts(backends, size)) };
    } finally {
      await backends.close();
    }
  },
};
