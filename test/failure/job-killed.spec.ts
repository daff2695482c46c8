import { numbers } from '../support/clients.js';
import { ledgersEven } from '../support/ledgers.js';
import { Processes } from '../support/processes.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

describeWithServers('a job that dies in mid-stream', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('loses nothing and repeats nothing at the clients (%s)', async (signal) => {
    await using cluster = new Processes();
    await cluster.startLogic();
    const jobs = await Promise.all([cluster.startJob(), cluster.startJob()]);
    await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.startGateway({ NODE_ID: 'g1' });
    await cluster.ready();
    const rooms = ['a', 'b', 'c', 'd', 'e', 'f'];
    const people = await Promise.all(numbers(0, 19).map((n) => cluster.connect(`u${n}`, { gateway: n % 2, rooms })));

    const pushing = Promise.all(
      rooms.map(async (room) => {
        for (const n of numbers(1, 300)) await cluster.push('rooms', { rooms: [room], type: 3, data: n });
      }),
    );
    await people[0]!.next((packet) => packet.data === 100); // it is under way: now, not after some time
    jobs[0].kill(signal);
    await pushing;
    await jobs[0].exited;

    for (const client of people) {
      for (const room of rooms) {
        await client.next((packet) => packet.channel === `room:${room}` && packet.data === 300);
        expect(client.received(`room:${room}`).map((packet) => packet.data)).toEqual(numbers(1, 300));
      }
    }
    await ledgersEven(cluster);
  });
});
