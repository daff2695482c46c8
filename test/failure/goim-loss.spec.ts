import { Redis } from 'ioredis';
import type { Welcome } from '@app/protocol';
import { numbers } from '../support/clients.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { Processes } from '../support/processes.js';
import { until } from '../support/until.js';
import type { WireClient } from '../support/wire-client.js';
import { sumOf } from '../support/metrics.js';
import { keepsAll } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

/** The ways in which goim v2 is known to lose messages, in the order of its users' reports; here each one is tried. */
describeWithServers('what goim loses', () => {
  it('goim-loss-1: what job has read and not delivered when it is killed', async () => {
    await using cluster = await processes();
    await cluster.startGateway({ NODE_ID: 'g0' });
    const first = await cluster.startJob();
    await cluster.ready();
    const ann = await cluster.connect('ann', { rooms: ['r'] });
    const [, gateway] = cluster.all;
    gateway!.kill('SIGSTOP'); // nothing that job hands over from here on is acknowledged
    for (const n of numbers(1, 50)) await cluster.push('rooms', { rooms: ['r'], type: 3, data: n });
    await until(
      async () => sumOf(await first.metrics(), 'skylark_job_records_total') >= 50,
      'job to have read them all',
    );
    first.kill('SIGKILL');
    await first.exited;
    gateway!.kill('SIGCONT');
    await cluster.startJob();
    await ann.next(({ data }) => data === 50);
    expect(dataOf(ann, 'room:r')).toEqual(numbers(1, 50));
  });

  it('goim-loss-2: the rest of a push whose first receiver is slow, and what the slow one had no room for', async () => {
    await using cluster = await servers({ MAX_OUTBOX_BYTES: '65536' });
    const [slow, bob, cid] = await Promise.all(['ann', 'bob', 'cid'].map((user) => cluster.connect(user)));
    const here = positionOf(slow!, 'user');
    slow!.stopReading();
    const users = ['ann', 'bob', 'cid'];
    const pad = 'x'.repeat(60_000);
    let pushed = 0;
    await until(async () => {
      pushed += 1;
      await cluster.push('users', { users, type: 3, data: { n: pushed, pad } });
      return (await gatewayCount(cluster, 0, 'skylark_dropped_total', { stage: 'outbox' })) > 0;
    }, 'the slow client to have no room');
    const all = numbers(1, pushed);
    for (const client of [bob!, cid!]) {
      await client.next(({ data }) => numberOf(data) === pushed);
      expect(client.received('user').map(({ data }) => numberOf(data))).toEqual(all);
    }
    slow!.socket.resume();
    expect((await slow!.closed).code).toBe(4413);
    const had = slow!.received('user');
    const since = had.length > 0 ? `user@${here.epoch}:${had.at(-1)!.offset}` : `user@${here.epoch}:${here.offset}`;
    const back = await cluster.connect('ann', { query: { since } });
    await back.next(({ data }) => numberOf(data) === pushed);
    expect([...had, ...back.received('user')].map(({ data }) => numberOf(data))).toEqual(all);
  });

  it('goim-loss-3: what comes to a room faster than it is passed on', async () => {
    await using cluster = await servers();
    const ann = await cluster.connect('ann', { rooms: ['r'] });
    const pushes = numbers(1, 1_000).map((n) => ({ target: 'rooms', rooms: ['r'], type: 3, data: n }));
    await cluster.post('/v1/push/batch', { pushes });
    await ann.next(({ data }) => data === 1_000);
    expect(dataOf(ann, 'room:r')).toEqual(numbers(1, 1_000));
  });

  it('goim-loss-4: the way to a device that has come back before its old connection was gone', async () => {
    await using cluster = await servers();
    const query = { device: 'phone' };
    const old = await cluster.connect('ann', { gateway: 0, query });
    const back = await cluster.connect('ann', { gateway: 1, query });
    expect((await old.closed).code).toBe(4409);
    await until(
      async () => (await gatewayCount(cluster, 0, 'skylark_gateway_connections')) === 0,
      'the old gateway to have let go',
    );
    await cluster.push('users', { users: ['ann'], type: 3, data: 'to the user' });
    await cluster.push('devices', { targets: [{ user: 'ann', device: 'phone' }], type: 3, data: 'to the device' });
    await back.next(({ data }) => data === 'to the device');
    expect(dataOf(back, 'user')).toEqual(['to the user', 'to the device']);
  });

  it('goim-loss-5: the way to a client that has been silent for many leases', async () => {
    const REDIS_PREFIX = `goim-loss-5-${process.pid}:`;
    const leaseMs = 100;
    await using cluster = await servers({ LEASE_MS: String(leaseMs), REDIS_PREFIX });
    const ann = await cluster.connect('ann', { rooms: ['r'] });
    const redis = new Redis(process.env.REDIS_URL!);
    const leaseEnd = async () => Number((await redis.hget(`${REDIS_PREFIX}nodes:gateway`, 'gateway-0'))!.split(' ')[1]);
    const before = await leaseEnd();
    await until(async () => (await leaseEnd()) > before + 20 * leaseMs, 'twenty leases to have passed');
    await redis.quit();
    await cluster.push('users', { users: ['ann'], type: 3, data: 'to the user' });
    await cluster.push('rooms', { rooms: ['r'], type: 3, data: 'to the room' });
    await Promise.all([ann.next(({ data }) => data === 'to the user'), ann.next(({ data }) => data === 'to the room')]);
    expect([dataOf(ann, 'user'), dataOf(ann, 'room:r')]).toEqual([['to the user'], ['to the room']]);
  });

  it('goim-loss-6: what is pushed to the clients of a gateway that has crashed', async () => {
    await using cluster = await processes({ LEASE_MS: '1000' });
    const crashed = await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.startGateway({ NODE_ID: 'g1' });
    const job = await cluster.startJob();
    await cluster.ready();
    const ann = await cluster.connect('ann');
    const { epoch, offset } = positionOf(ann, 'user');
    crashed.kill('SIGKILL');
    await crashed.exited;
    for (const n of numbers(1, 20)) await cluster.push('users', { users: ['ann'], type: 3, data: n });
    const back = await cluster.connect('ann', { gateway: 1, query: { since: `user@${epoch}:${offset}` } });
    await cluster.push('users', { users: ['ann'], type: 3, data: 21 });
    await back.next(({ data }) => data === 21);
    expect(dataOf(back, 'user')).toEqual(numbers(1, 21));
    expect(recoveredOf(back, 'user')).toBe(true);
    const lost = async () => sumOf(await job.metrics(), 'skylark_dropped_total', { reason: 'node_lost' });
    await until(async () => (await lost()) > 0, 'what went to the crashed gateway to be counted');
  });

  it('goim-loss-7: what was on its way to the gateway that a user has just left', async () => {
    await using cluster = await processes({ LANE_STALL_MS: '60000' });
    const left = await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.startGateway({ NODE_ID: 'g1' });
    const job = await cluster.startJob();
    await cluster.ready();
    const ann = await cluster.connect('ann');
    const { epoch, offset } = positionOf(ann, 'user');
    left.kill('SIGSTOP'); // the way to it is found, and nothing gets there
    for (const n of numbers(1, 5)) await cluster.push('users', { users: ['ann'], type: 3, data: n });
    await until(async () => sumOf(await job.metrics(), 'skylark_job_lane_bytes') > 0, 'the lane to be on its way');
    const moved = await cluster.connect('ann', { gateway: 1, query: { since: `user@${epoch}:${offset}` } });
    await cluster.push('users', { users: ['ann'], type: 3, data: 6 });
    await moved.next(({ data }) => data === 6);
    await ann.drop();
    left.kill('SIGCONT');
    await until(async () => sumOf(await job.metrics(), 'skylark_job_lane_bytes') === 0, 'the lane to be empty');
    await cluster.push('users', { users: ['ann'], type: 3, data: 7 });
    await moved.next(({ data }) => data === 7);
    expect(dataOf(moved, 'user')).toEqual(numbers(1, 7));
    expect(recoveredOf(moved, 'user')).toBe(true);
  });

  it('goim-loss-8: what was accepted before any job had ever run', async () => {
    await using cluster = await processes();
    await cluster.startGateway();
    await cluster.ready();
    await cluster.push('rooms', { rooms: ['r'], type: 3, data: 1 });
    const ann = await cluster.connect('ann', { rooms: ['r'] });
    await cluster.push('rooms', { rooms: ['r'], type: 3, data: 2 });
    await cluster.startJob();
    await ann.next(({ data }) => data === 2);
    expect(dataOf(ann, 'room:r')).toEqual([1, 2]);
  });
});

const servers = (env: Record<string, string> = {}) =>
  startCluster({ on: 'servers', gateways: 2, env: { ...keepsAll, ...env } });

/** Only logic runs yet. */
async function processes(env: Record<string, string> = {}): Promise<Processes> {
  const cluster = new Processes({ ...keepsAll, ...env });
  await cluster.startLogic();
  return cluster;
}

const dataOf = (client: WireClient, channel: string) => client.received(channel).map(({ data }) => data);
const numberOf = (data: unknown) => (data as { n?: number }).n;

const welcomeOf = ({ packets }: WireClient) => packets[0]!.data as Welcome;
const positionOf = (client: WireClient, channel: string) => welcomeOf(client).channels[channel]!;
const recoveredOf = (client: WireClient, channel: string) => welcomeOf(client).channels[channel]!.recovered;

const gatewayCount = async (cluster: Cluster, gateway: number, name: string, labels?: Record<string, string>) =>
  sumOf(await cluster.gateways[gateway]!.metrics.registry.metrics(), name, labels);
