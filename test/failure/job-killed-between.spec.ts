import kafkajs from 'kafkajs';
import { numbers } from '../support/clients.js';
import { Processes, type AppProcess } from '../support/processes.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
/** One that is retained and one that is not, in one record. */
const rooms = ['kept', 'loose'];

/** Two gateways with a client each, who are in both rooms. */
async function start() {
  const cluster = new Processes({ SHARDS: '1', CHANNEL_POLICIES: 'room:=1000/5m,room:loose=0' });
  await cluster.startLogic();
  await Promise.all(['g0', 'g1'].map((id) => cluster.startGateway({ NODE_ID: id })));
  const people = await Promise.all(numbers(0, 1).map((n) => cluster.connect(`u${n}`, { gateway: n, rooms })));
  const push = (n: number) => cluster.push('rooms', { rooms, type: 3, data: n });
  /** What came so far: of each client, in each room. */
  const came = () =>
    people.flatMap((client) => rooms.map((room) => client.received(`room:${room}`).map(({ data }) => data)));
  const cameUntil = async (last: number) => {
    await until(() => came().every((data) => data.includes(last)), `no. ${last} to come to everybody`);
    return came();
  };
  return { cluster, push, came, cameUntil };
}

/** Both clients in both rooms. */
const everybody = (came: number[]) => [came, came, came, came];

async function countOf(job: AppProcess, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await job.metrics())?.[1]);
}

async function committedIn({ env }: Processes): Promise<string> {
  const brokers = process.env.KAFKA_BROKERS!.split(',');
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const prefix = env.KAFKA_TOPIC_PREFIX!;
  const [found] = await admin.fetchOffsets({ groupId: `${prefix}job`, topics: [`${prefix}records`] });
  await admin.disconnect();
  return found!.partitions[0]!.offset;
}

describeWithServers('a job that is killed', () => {
  it('between the append and all that follows it loses nothing, and nothing comes twice', async () => {
    const { cluster, push, came, cameUntil } = await start();
    await using _ = cluster;
    const { host } = new URL(process.env.REDIS_URL!);
    await using proxy = await TcpProxy.to(host);
    const job = await cluster.startJob({ REDIS_URL: process.env.REDIS_URL!.replace(host, proxy.address) });
    await push(1);
    expect(await cameUntil(1)).toEqual(everybody(numbers(1, 1)));

    const appended = proxy.swallowAnswer((bytes) => bytes.includes('h:{default/room:kept}'));
    const pushed = push(2);
    await appended;
    proxy.refuse(); // neither asked again nor routed by the registry
    job.kill('SIGKILL');
    await Promise.all([pushed, job.exited]);
    expect(came()).toEqual(everybody(numbers(1, 1)));

    await cluster.startJob();
    await push(3);
    expect(await cameUntil(3)).toEqual(everybody(numbers(1, 3)));
  });

  it('between the acknowledgement of its lanes and the commit repeats it all, and nothing comes twice', async () => {
    const { cluster, push, cameUntil } = await start();
    await using _ = cluster;
    // Delivers, and commits nothing, because no replica will ever have it.
    const job = await cluster.startJob({ HISTORY_REPLICAS: '1', HISTORY_REPLICAS_STRICT: '1' });
    for (const n of numbers(1, 20)) await push(n);
    expect(await cameUntil(20)).toEqual(everybody(numbers(1, 20)));
    await until(async () => (await countOf(job, 'skylark_job_deliveries_total')) === 40, 'both lanes to acknowledge');
    expect(await committedIn(cluster)).toBe('0');
    job.kill('SIGKILL');
    await job.exited;

    const next = await cluster.startJob();
    await push(21);
    expect(await cameUntil(21)).toEqual(everybody(numbers(1, 21)));
    expect(await countOf(next, 'skylark_job_records_total')).toBe(21);
  });
});
