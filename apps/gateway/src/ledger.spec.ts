import { allChannel, roomChannel, userChannel, type Position } from '@app/protocol';
import { Seeded } from '../../../test/fuzz/seeded.js';
import { holdCalls, openRig, turns, type Rig } from './gateway-rig.contract.js';

type Client = ReturnType<Rig['connect']>;

const names = ['a', 'b', 'c'];

async function valueOf(rig: Rig, name: string): Promise<number> {
  const { values } = await rig.metrics.registry.getSingleMetric(name)!.get();
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** What was dropped on the way to sessions. */
async function dropped(rig: Rig): Promise<number> {
  const { values } = await rig.metrics.dropped.get();
  const ofSessions = values.filter(({ labels }) => labels.stage === 'replay' || labels.stage === 'outbox');
  return ofSessions.reduce((sum, { value }) => sum + value, 0);
}

/** What transports and the farewell do when a connection has been closed. */
function bury(rig: Rig, clients: Client[]): void {
  for (const { session, connection } of clients) {
    if (connection.isOpen || session.state === 'closed') continue;
    session.state = 'closed';
    rig.outboxes.drop(session);
    rig.leave(session);
  }
}

/** One random thing that clients, pushers or networks do. */
async function happen(rig: Rig, random: Seeded, clients: Client[], reads: () => void): Promise<void> {
  const since: [string, Position][] = names.map((name) => [
    roomChannel(name),
    { epoch: rig.epochName, offset: random.below(40) },
  ]);
  const some = () => names.filter(() => random.chance(60));
  const client = clients.length > 0 ? random.one(clients) : undefined;
  const kind = random.below(10);
  if (kind < 3) {
    const types = random.chance(20) ? [0] : undefined;
    const user = random.one(['ann', 'bob']);
    clients.push(rig.connect({ user, rooms: some(), ...(random.chance(50) && { since }), ...(types && { types }) }));
    clients.at(-1)!.arrived.catch(() => {});
  } else if (kind === 3) client?.connection.close(1000, '');
  else if (kind === 4 && client) client.connection.isSlow = true;
  else if (kind === 5) reads();
  else {
    const channels = [...some().map(roomChannel), ...(random.chance(30) ? [allChannel, userChannel('ann')] : [])];
    const expiresAtMs = random.chance(10) ? rig.clock.now() : 0;
    const excludeUsers = random.chance(20) ? ['bob'] : [];
    const data = 'x'.repeat(random.below(200));
    if (channels.length > 0) await rig.push(channels, data, { expiresAtMs, excludeUsers, retain: random.chance(70) });
  }
  if (random.chance(50)) await turns(1);
}

describe("the gateway's ledger", () => {
  it.each(Array.from({ length: 30 }, (_, seed) => seed + 1))('is even whatever happens (seed %i)', async (seed) => {
    const random = new Seeded(seed, 'ledger');
    const rig = await openRig({ maxOutboxBytes: 2_000 });
    const clients: Client[] = [];
    let held: { letGo: () => void; stop: () => void } | undefined;
    const toggle = () => {
      if (!held) return void (held = holdCalls(rig.history, 'read', 'answer'));
      held.letGo();
      held.stop();
      held = undefined;
    };
    for (let n = 0; n < 150; n += 1) {
      await happen(rig, random, clients, toggle);
      bury(rig, clients);
    }
    if (held) toggle();
    await turns();
    bury(rig, clients);
    await rig.outboxes.afterFlush();

    const received = clients.reduce((sum, { connection }) => sum + connection.pushed.length, 0);
    const [targeted, written] = [
      await valueOf(rig, 'skylark_gateway_targeted_total'),
      await valueOf(rig, 'skylark_gateway_written_total'),
    ];
    expect(received).toBeGreaterThan(50);
    expect(written).toBe(received);
    expect(targeted).toBe(written + (await dropped(rig)));
  });
});
