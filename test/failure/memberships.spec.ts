import { startCluster } from '../support/cluster.js';
import { Processes } from '../support/processes.js';
import { startRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { keepsAll } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

describeWithServers('a membership made by REST', () => {
  it('brings a client of a killed gateway back into its room at another one, with what was pushed meanwhile, once', async () => {
    await using cluster = new Processes(keepsAll);
    await cluster.startLogic();
    await cluster.startLogic();
    await cluster.startJob();
    const lost = await cluster.startGateway({ NODE_ID: 'g0' });
    await cluster.startGateway({ NODE_ID: 'g1' });
    await cluster.ready();
    const push = (data: number) => cluster.push('rooms', { rooms: ['r'], type: 3, data }, data % 2);
    await cluster.post('/v1/rooms/r/join', { users: ['ann'] });
    const ann = await cluster.connect('ann');
    const { epoch } = (await ann.next(108)).data as { epoch: string };
    await push(1);
    const { offset } = await ann.next(3);
    lost.kill('SIGKILL');
    await lost.exited;
    for (const n of [2, 3, 4]) await push(n);
    // Whoever asks while the dead one still counts as living is told to ask again.
    const joined = await untilAnswered(() => cluster.post('/v1/rooms/q/join', { users: ['ann'] }, { logic: 1 }));
    expect(joined.body).toMatchObject({ members: [{ user: 'ann' }] });
    const back = await cluster.connect('ann', { gateway: 1, query: { since: `room:r@${epoch}:${offset}` } });
    expect(back.packets[0]).toMatchObject({ data: { rooms: ['q', 'r'], channels: { 'room:r': { recovered: true } } } });
    await push(5);
    await back.next(({ data }) => data === 5);
    expect(back.received('room:r').map(({ data }) => data)).toEqual([2, 3, 4, 5]);
  });

  it('that is changed while a gateway hangs holds there too, once it goes on', async () => {
    await using cluster = new Processes({ ...keepsAll, LEASE_MS: '1000' });
    await cluster.startJob();
    const first = await cluster.startLogic();
    const gateway = await cluster.startGateway();
    await cluster.ready();
    await cluster.post('/v1/rooms/r/join', { users: ['ann'] });
    const ann = await cluster.connect('ann');
    expect(await ann.next(108)).toMatchObject({ data: { room: 'r' } });
    gateway.kill('SIGSTOP');
    try {
      first.kill('SIGKILL'); // a logic that was never connected to the gateway takes it for dead when its lease is over
      await first.exited;
      cluster.restUrls.length = 0;
      await cluster.startLogic();
      const change = (path: string) => cluster.post(`/v1/rooms/${path}`, { users: ['ann'] });
      expect((await untilAnswered(() => change('r/leave'))).body).toMatchObject({ members: [{ result: 'left' }] });
      expect((await untilAnswered(() => change('q/join'))).body).toMatchObject({ members: [{ result: 'joined' }] });
    } finally {
      gateway.kill('SIGCONT');
    }
    expect(await ann.next(109)).toMatchObject({ data: { room: 'r', by: 'api' } });
    await ann.next(({ type, data }) => type === 108 && (data as { room: string }).room === 'q');
  });

  it('outlives a Redis that is killed and comes back with its log; meanwhile REST says that it must be asked again', async () => {
    const redis = await startRedis({ appendonly: true });
    try {
      await using cluster = await startCluster({ on: 'servers', env: { REDIS_URL: redis.url } });
      const ann = await cluster.connect('ann');
      const join = (room: string) => cluster.post(`/v1/rooms/${room}/join`, { users: ['ann', 'bob'] });
      expect((await join('a')).status).toBe(200);
      await ann.next(108);
      await redis.kill('SIGKILL');
      const refused = await join('b');
      expect([refused.status, refused.body.code]).toEqual([504, 'timeout']);
      await redis.restart();
      expect((await untilAnswered(() => join('b'))).body).toMatchObject({
        members: [{ result: 'joined' }, { result: 'joined' }],
      });
      expect(await ann.next(108)).toMatchObject({ data: { room: 'b' } });
      const bob = await untilAnswered(async () => ({ status: 200, bob: await cluster.connect('bob') }));
      expect(bob.bob.packets[0]).toMatchObject({ data: { rooms: ['a', 'b'] } });
    } finally {
      await redis.stop();
    }
  });
});

/** As a good caller does: who is told to ask again does. */
async function untilAnswered<T extends { status: number }>(ask: () => Promise<T>): Promise<T> {
  let answer: T | undefined;
  await until(async () => {
    answer = await ask().catch(() => undefined);
    return answer?.status === 200;
  }, 'an answer');
  return answer!;
}
