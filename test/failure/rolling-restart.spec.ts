import { numbers } from '../support/clients.js';
import { Processes, type AppProcess } from '../support/processes.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const rooms = ['a', 'b', 'c', 'd'];

/** As a supervisor does: asks it to end, and waits for it. */
async function ended(app: AppProcess): Promise<void> {
  app.kill('SIGTERM');
  expect(await app.exited).toEqual({ code: 0, signal: null });
}

describeWithServers('a rolling restart of every process', () => {
  it('under load costs each client one reconnect a gateway, and nothing is lost, late or twice', async () => {
    await using cluster = new Processes({ ...keepsAll, DRAIN_MS: '500' });
    const logics = [await cluster.startLogic(), await cluster.startLogic()];
    const jobs = await Promise.all([cluster.startJob(), cluster.startJob()]);
    const gateways = [await cluster.startGateway({ NODE_ID: 'g0' }), await cluster.startGateway({ NODE_ID: 'g1' })];
    await cluster.ready();
    const people = await Promise.all(numbers(0, 7).map((n) => Follower.of(cluster, `u${n}`, rooms, n % 2)));
    const stream = await Stream.into(cluster, rooms);

    // A new one beside the old one, as a deployment does; the last gateway is replaced under its own name, as a stateful set does.
    await cluster.startGateway({ NODE_ID: 'g2' });
    await ended(gateways[0]!);
    await stream.more(20);
    await ended(gateways[1]!);
    await cluster.startGateway({ NODE_ID: 'g1' });
    await stream.more(20);
    for (const job of jobs) {
      await cluster.startJob();
      await ended(job);
      await stream.more(20);
    }
    for (const logic of logics) {
      await cluster.startLogic();
      await ended(logic);
      await stream.more(20);
    }
    await stream.stop();

    for (const person of people) {
      await person.hasAll(stream);
      expect(person.closes.length).toBeGreaterThan(0);
      expect(new Set(person.closes)).toEqual(new Set([4503]));
      expect(new Set(person.recovered)).toEqual(new Set([true]));
      await person.leave();
    }
  });
});
