import kafkajs from 'kafkajs';
import { numbers } from '../support/clients.js';
import { Processes } from '../support/processes.js';
import { until } from '../support/until.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd', 'loose-a', 'loose-b', 'loose-c', 'loose-d'];
const policies = { CHANNEL_POLICIES: `${keepsAll.CHANNEL_POLICIES},room:loose=0` };

/** Looks at what is committed until `stop`, which answers each offset that was lower than one before it. */
async function watchCommits(prefix: string) {
  const brokers = process.env.KAFKA_BROKERS!.split(',');
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const highest = new Map<number, number>();
  const back: string[] = [];
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const [found] = await admin.fetchOffsets({ groupId: `${prefix}job`, topics: [`${prefix}records`] });
      for (const { partition, offset } of found!.partitions) {
        const before = highest.get(partition) ?? -1;
        if (Number(offset) < before) back.push(`shard ${partition} from ${before} to ${offset}`);
        highest.set(partition, Math.max(before, Number(offset)));
      }
    }
    await admin.disconnect();
    return back;
  })();
  return async () => {
    stopping.abort();
    return watching;
  };
}

describeWithServers('a job that hangs until another one has its shards', () => {
  it('does no harm when it goes on', async () => {
    await using cluster = new Processes(policies);
    await cluster.startLogic();
    const [hung, other] = await Promise.all([cluster.startJob(), cluster.startJob()]);
    await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.startGateway({ NODE_ID: 'g1' });
    await cluster.ready();
    const people = await Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));
    const stream = await Stream.into(cluster, rooms);

    const commits = await watchCommits(cluster.env.KAFKA_TOPIC_PREFIX!);
    hung.kill('SIGSTOP');
    const shardsOfOther = () => other.lines.findLast(({ msg }) => msg === 'shards received')?.shards as number[];
    await until(() => shardsOfOther().length === 4, 'the other job to have all shards');
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
    await ledgersEven(cluster);
    expect(await commits()).toEqual([]);
  });
});
