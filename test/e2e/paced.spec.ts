import { startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';

const clients = 600;
const speed = 1_000;

it('goes out at its speed over all gateways, while a push to a room arrives at once', async () => {
  await using cluster = await startCluster({ gateways: 3, env: { LEASE_MS: '600' } });
  const people = await Promise.all(
    Array.from({ length: clients }, (_, i) =>
      cluster.connect(undefined, { gateway: i % 3, rooms: i < 3 ? ['watch'] : [] }),
    ),
  );
  // Job divides by what the gateways last said of themselves.
  const online = async () => (await cluster.get<{ connections: number }>('/v1/online')).body.connections;
  await until(async () => (await online()) === clients, 'all gateways to have said how many they hold');

  let arrived = 0;
  const began = performance.now();
  const arrivals = people.map(async (client) => {
    await client.next(3);
    arrived += 1;
  });
  await cluster.push('all', { type: 3, data: 'slowly', speed });
  await cluster.push('all', { type: 4, data: 'behind it' });
  await Promise.race(arrivals);
  await cluster.push('rooms', { rooms: ['watch'], type: 5, data: 'at once' });
  await Promise.all(people.slice(0, 3).map((client) => client.next(5)));
  expect(arrived).toBeLessThan(clients);

  await Promise.all(arrivals);
  // Never faster than asked; how much slower is the machine's affair.
  expect(performance.now() - began).toBeGreaterThan((clients / speed) * 1_000 * 0.9);
  await Promise.all(people.map((client) => client.next(4)));
  for (const client of people) {
    expect(client.received('all').map(({ data }) => data)).toEqual(['slowly', 'behind it']);
  }
});

it('ends with its gateway, and who has not got it is counted', async () => {
  await using cluster = await startCluster();
  const people = await Promise.all(Array.from({ length: 20 }, () => cluster.connect()));
  await cluster.push('all', { type: 3, data: 'slowly', speed: 5 });
  await Promise.race(people.map((client) => client.next(3)));
  const [gateway] = cluster.gateways.splice(0) as [(typeof cluster.gateways)[0]];
  await gateway.close();
  await Promise.all(people.map((client) => client.closed));
  const got = people.filter((client) => client.packets.some(({ type }) => type === 3)).length;
  const { values } = await gateway.metrics.dropped.get();
  const dropped = values.reduce((sum, { value }) => sum + value, 0);
  expect(got + dropped).toBe(20);
});
