import { numbers } from '../support/clients.js';
import { Processes } from '../support/processes.js';
import { until } from '../support/until.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];

describeWithServers('a job that hangs until another one has its shards', () => {
  it('does no harm when it goes on', async () => {
    await using cluster = new Processes(keepsAll);
    await cluster.startLogic();
    const [hung, other] = await Promise.all([cluster.startJob(), cluster.startJob()]);
    await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.startGateway({ NODE_ID: 'g1' });
    await cluster.ready();
    const people = await Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));
    const stream = await Stream.into(cluster, rooms);

    hung.kill('SIGSTOP');
    const shardsOfOther = () => other.lines.findLast(({ msg }) => msg === 'shards received')?.shards as number[];
    await until(() => shardsOfOther().length === 4, 'the other job to have all shards', 30_000);
    await stream.more(20);
    hung.kill('SIGCONT');
    await hung.says('shards given back');
    await stream.more(50);
    await stream.stop();

    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes).toEqual([]);
      await person.leave();
    }
  });
});
