import { numbers } from '../support/clients.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { sumOf } from '../support/metrics.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { record, secondOwner } from './audience/second-owner.js';

const leaseMs = 60_000;
const settings = { LEASE_MS: String(leaseMs), LANE_STALL_MS: '200' };
const perSecond = 60;

/** Thirty at a gateway that is reached through a proxy, ten at another one, and a paced push on its way to all. */
async function open() {
  const cluster = await startCluster({ gateways: 2, env: settings });
  const { nodes } = cluster.shared!.registry;
  const proxy = await TcpProxy.to(`127.0.0.1:${cluster.gateways[0]!.rpcPort}`);
  const advertise = async (port: number) => {
    const entry = (await nodes.list('gateway')).find(({ id }) => id === 'gateway-0')!;
    await nodes.renew({ ...entry, port }, leaseMs);
  };
  await advertise(proxy.port);
  const published = record(cluster.shared!.bus);
  const people = await Promise.all(
    numbers(1, 40).map((n) => cluster.connect(`u${n}`, { gateway: n % 4 === 0 ? 1 : 0 })),
  );
  await cluster.push('all', { type: 3, data: 'slow', speed: perSecond });
  await Promise.race(people.map((client) => client.next(({ data }) => data === 'slow')));
  const inTheMiddle = () => people.some((client) => client.received('all').length === 0);
  expect(inTheMiddle()).toBe(true);
  const dispose = async () => {
    await proxy.close();
    await cluster[Symbol.asyncDispose]();
  };
  return { cluster, proxy, advertise, published, people, [Symbol.asyncDispose]: dispose };
}

const stalledLanes = async (cluster: Cluster) =>
  sumOf(await cluster.jobs[0]!.metrics.registry.metrics(), 'skylark_job_stalled_lanes');

describe('a paced push in whose middle a gateway is lost to job', () => {
  it('reaches everybody once, and so does what came behind it meanwhile', async () => {
    await using stage = await open();
    const { cluster, proxy, people } = stage;
    proxy.refuse();
    await cluster.push('all', { type: 3, data: 'behind' });
    await cluster.push('all', { type: 3, data: 'slow too', speed: perSecond });
    await cluster.push('all', { type: 3, data: 'last' });
    await until(async () => (await stalledLanes(cluster)) > 0, 'the lane to be given up');
    proxy.accept();
    await Promise.all(people.map((client) => client.next(({ data }) => data === 'last')));
    for (const client of people) await client.roundTrip();
    for (const client of people)
      expect(client.received('all').map(({ data }) => data)).toEqual(['slow', 'behind', 'slow too', 'last']);
  });

  it('reaches everybody once when another job begins it again', async () => {
    await using stage = await open();
    const { cluster, proxy, people, advertise, published } = stage;
    proxy.refuse();
    await cluster.push('all', { type: 3, data: 'behind' });
    await cluster.push('all', { type: 3, data: 'slow too', speed: perSecond });
    await cluster.push('all', { type: 3, data: 'last', retain: false });
    await advertise(cluster.gateways[0]!.rpcPort);
    const second = await secondOwner(cluster.shared!, settings, published);
    await until(() => published.waiting === 0, 'the second owner to have handed all over');
    proxy.accept(); // and the ghost knocks
    await Promise.all(people.map((client) => client.next(({ data }) => data === 'last')));
    for (const client of people) await client.roundTrip();
    for (const client of people)
      expect(client.received('all').map(({ data }) => data)).toEqual(['slow', 'behind', 'slow too', 'last']);
    await second.close();
  });
});
