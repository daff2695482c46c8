import { numbers } from '../support/clients.js';
import { ledgersEven } from '../support/ledgers.js';
import { Processes, type AppProcess } from '../support/processes.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'loose-a', 'loose-b'];

describeWithServers('jobs that come and go one after the other in mid-stream', () => {
  it('lose nothing, and nothing comes twice or in another order', async () => {
    await using cluster = new Processes({ CHANNEL_POLICIES: `${keepsAll.CHANNEL_POLICIES},room:loose=0` });
    await cluster.startLogic();
    const [first] = await Promise.all([cluster.startJob(), cluster.startGateway({ NODE_ID: 'g0' })]);
    await cluster.ready();
    const people = await Promise.all(numbers(0, 2).map((n) => Follower.of(cluster, `u${n}`, rooms)));
    const stream = await Stream.into(cluster, rooms);

    const jobs: AppProcess[] = [first];
    const comes = async () => {
      const job = await cluster.startJob();
      await job.says('shards received');
      jobs.push(job);
      await stream.more(5);
    };
    const goes = async () => {
      const job = jobs.shift()!;
      job.kill('SIGTERM');
      expect((await job.exited).code).toBe(0);
      await stream.more(5);
    };
    for (const step of [comes, comes, goes, goes, comes, goes]) await step();
    await stream.stop();

    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes).toEqual([]);
      await person.leave();
    }
    await ledgersEven(cluster);
  });
});
