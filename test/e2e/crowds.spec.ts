import { numbers } from '../support/clients.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { openRaw, Opcode, rawFrame } from '../support/raw-websocket.js';
import { until } from '../support/until.js';
import { connect, type WireClient } from '../support/wire-client.js';

/** Whatever the others do: it gets every push, in order. */
async function bystander(cluster: Cluster) {
  const client = await cluster.connect('bystander', { rooms: ['stand'] });
  let pushed = 0;
  const push = async () => {
    pushed += 1;
    await cluster.push('rooms', { rooms: ['stand'], type: 3, data: pushed });
  };
  const undisturbed = async () => {
    await push();
    await client.next((packet) => packet.data === pushed);
    expect(client.received('room:stand').map(({ data }) => data)).toEqual(numbers(1, pushed));
  };
  return { push, undisturbed };
}

async function gauges(cluster: Cluster, gateway = 0): Promise<Record<string, number>> {
  const text = await cluster.gateways[gateway]!.metrics.registry.metrics();
  const found = [...text.matchAll(/^skylark_gateway_(connections|channels) (\d+)$/gm)];
  return Object.fromEntries(found.map(([, name, value]) => [name!, Number(value)]));
}

describe('a crowd', () => {
  it('that comes and goes at every stage leaves nothing behind, and disturbs nobody', async () => {
    await using cluster = await startCluster();
    const { push, undisturbed } = await bystander(cluster);
    const before = await gauges(cluster);
    const url = (n: number) => `${cluster.clientUrls[0]}?user=u${n}&device=d&rooms=r${n % 7},s${n}`;
    const stages: ((n: number) => Promise<unknown>)[] = [
      // The upgrade was asked for, nothing more.
      (n) => openRaw(url(n)).then((raw) => raw.drop()),
      // Welcomed, then gone with a join, a leave, a label and a token under way.
      async (n) => {
        using raw = await openRaw(url(n));
        await raw.next();
        for (const text of [
          '{"type":101,"data":{"room":"x"}}',
          '{"type":102,"data":{"room":"x"}}',
          '{"type":101,"data":{"room":"x"}}',
          '{"type":105,"data":{"types":[3]}}',
          '{"type":107,"data":{"token":"t"}}',
        ])
          raw.send(rawFrame(Opcode.text, text));
        raw.drop();
      },
      // In mid-replay.
      (n) => openRaw(`${url(n)}&since=room:r${n % 7}@e:1`).then((raw) => raw.drop()),
      // With a frame half sent.
      async (n) => {
        const raw = await openRaw(url(n));
        raw.send(rawFrame(Opcode.text, 'x'.repeat(50)).subarray(0, 20));
        raw.socket.end();
        await raw.closed;
      },
      // As it should be.
      async (n) => void (await (await connect(url(n))).close()),
    ];
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([
        ...numbers(1, 150).map((n) => stages[n % stages.length]!(n)),
        ...numbers(1, 5).map(() => cluster.push('all', { type: 5, data: 'to all' })),
      ]);
      await push();
    }
    await until(async () => (await gauges(cluster)).connections === before.connections, 'the crowd to be gone');
    expect(await gauges(cluster)).toEqual(before);
    await until(async () => {
      const { body } = await cluster.get('/v1/online');
      return body.connections === 1 && body.users === 1 && body.rooms === 1;
    }, 'the registry to know of one connection, one user and one room');
    await undisturbed();
  });

  it('of connections of one device comes down to one, wherever they are', async () => {
    await using cluster = await startCluster({ gateways: 2 });
    const options = { query: { user: 'ann', device: 'phone' } };
    const all = await Promise.all(numbers(0, 9).map((n) => connect(cluster.clientUrls[n % 2]!, options)));
    const codes: number[] = [];
    for (const client of all) void client.closed.then(({ code }) => codes.push(code));
    await until(() => codes.length === all.length - 1, 'all but one to be closed');
    expect(new Set(codes)).toEqual(new Set([4409]));
    const left = all.filter((client) => client.socket.readyState === 1);
    await cluster.push('users', { users: ['ann'], type: 3, data: 'the one' });
    expect(left).toHaveLength(1);
    await left[0]!.next(3);
    await left[0]!.drop();
  });

  it('that knocks while the gateway ends is let go with a reason, every one of them', async () => {
    const cluster = await startCluster({ gateways: 2, env: { DRAIN_MS: '200' } });
    await using _ = cluster;
    const [ending, staying] = cluster.clientUrls as [string, string];
    const outcome = async (n: number) => {
      let client: WireClient;
      try {
        client = await connect(ending, { query: { user: `u${n}` } });
      } catch (error) {
        const { message } = error as Error;
        return /refused: 503|ECONNREFUSED|ECONNRESET/.exec(message)?.[0] ?? message;
      }
      const { code } = await client.closed;
      const [first] = client.packets;
      return first === undefined || first.type === 100 ? code : `${first.type} before the welcome`;
    };
    const early = numbers(1, 40).map(outcome);
    await until(async () => (await gauges(cluster)).connections! > 0);
    const ended = cluster.gateways[0]!.close();
    const late = numbers(41, 80).map(outcome);
    const outcomes = new Set(await Promise.all([...early, ...late]));
    await ended;
    // The kernel resets those that it had not handed over when the port was closed.
    const allowed = [4503, 'refused: 503', 'ECONNREFUSED', 'ECONNRESET'];
    expect([...outcomes].filter((how) => !allowed.includes(how))).toEqual([]);
    expect(outcomes).toContain(4503);
    expect(await gauges(cluster)).toEqual({ connections: 0, channels: 0 });
    await using other = await connect(staying);
    await other.welcome();
  });
});
