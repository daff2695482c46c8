import { numbers } from '../support/clients.js';
import { Processes } from '../support/processes.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];

async function open(env: Record<string, string> = {}) {
  const cluster = new Processes({ ...keepsAll, ...env });
  await cluster.startLogic();
  const job = await cluster.startJob();
  const lost = await cluster.startGateway({ NODE_ID: 'g0' });
  await cluster.startGateway({ NODE_ID: 'g1' });
  await cluster.ready();
  const people = await Promise.all(numbers(0, 3).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));
  const stream = await Stream.into(cluster, rooms);
  return { cluster, job, lost, people, stream };
}

describeWithServers('a gateway that is lost in mid-stream', () => {
  it('holds nobody else up while it hangs, and repairs its own clients when it goes on', async () => {
    // Windows so small that a lane which waits for the node would soon hold its shard. A lease so long that only the
    // lanes tell the node what it missed.
    const env = { LANE_STALL_MS: '1000', LANE_WINDOW_BYTES: '1024', LEASE_MS: '60000' };
    const { cluster, job, lost, people, stream } = await open(env);
    await using _cluster = cluster;
    lost.kill('SIGSTOP');
    await job.says('lane stalled');
    // At the other gateway nobody lacks anything, though this one is silent.
    await stream.more(100);
    const before = stream.soFar;
    for (const person of [people[1]!, people[3]!]) await person.hasAll(before);
    // Nothing comes any more that would show what is missing.
    await stream.stop();
    lost.kill('SIGCONT');
    await job.says('lane open again');
    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes).toEqual([]);
      await person.leave();
    }
    await ledgersEven(cluster);
  });

  it('is killed, and its clients find everything that they missed at another one', async () => {
    const { cluster, lost, people, stream } = await open();
    await using _cluster = cluster;
    lost.kill('SIGKILL');
    await stream.more(50);
    await stream.stop();
    for (const [n, person] of people.entries()) {
      await person.hasAll(stream);
      expect(person.closes).toEqual(n % 2 === 0 ? [1006] : []);
      expect(person.recovered).toEqual(n % 2 === 0 ? rooms.map(() => true) : []);
      await person.leave();
    }
    await ledgersEven(cluster);
  });
});
