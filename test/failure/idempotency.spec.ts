import { BusUnavailableError } from '@app/bus';
import { startCluster } from '../support/cluster.js';
import { Processes } from '../support/processes.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const hasServers = Boolean(process.env.REDIS_URL && process.env.KAFKA_BROKERS);
const describeWithServers = hasServers ? describe : describe.skip;
const proxyTo = (url: string) => TcpProxy.to(new URL(url).host);
const headers = { 'idempotency-key': 'k' };

/** The request that notes the answer of an accepted push. */
const isEnd = (bytes: Buffer): boolean => bytes.includes('"acceptedAt"');
/** The request that looks a key up: nothing has been pushed yet. */
const isBegin = (bytes: Buffer): boolean => bytes.includes(':i:') && !isEnd(bytes);

describeWithServers('a logic node that dies between the bus and the answer', () => {
  it('leaves a repeat the same id, and one message at the client, also after the shards changed hands', async () => {
    await using proxy = await proxyTo(process.env.REDIS_URL!);
    await using cluster = new Processes();
    const doomed = await cluster.startLogic({ REDIS_URL: `redis://${proxy.address}` });
    await cluster.startLogic();
    const job = await cluster.startJob();
    await cluster.startGateway();
    await cluster.ready();
    const ann = await cluster.connect('ann');
    const push = (logic: number, name: string) => {
      const body = { users: ['ann'], type: 3, data: name };
      return cluster.post('/v1/push/users', body, { logic, headers: { 'idempotency-key': name } });
    };
    const killed = proxy.nextRequest((bytes) => {
      if (!isEnd(bytes)) return false;
      doomed.kill('SIGKILL'); // Kafka has it; Redis will not hear that it has ended
      proxy.refuse();
      return true;
    });
    await expect(push(0, 'first')).rejects.toThrow('fetch failed');
    await killed;
    await doomed.exited;
    const first = await ann.next(3);

    job.kill('SIGKILL');
    await job.exited;
    await cluster.startJob();
    const again = await push(1, 'first');
    expect(again).toMatchObject({ status: 202, body: { id: first.id } });
    expect(again.headers.get('idempotent-replayed')).toBeNull();
    const once = await push(1, 'first');
    expect(once.headers.get('idempotent-replayed')).toBe('true');
    expect(once.body).toEqual(again.body);

    await push(1, 'end');
    await ann.next((packet) => packet.data === 'end');
    expect(ann.received('user').map(({ data }) => data)).toEqual(['first', 'end']);
  });
});

describeWithServers('an answer of REST that is lost', () => {
  it('is given again, and nothing is pushed twice', async () => {
    await using cluster = await startCluster({ on: 'servers', logics: 2 });
    const ann = await cluster.connect('ann');
    await using proxy = await TcpProxy.to(`127.0.0.1:${cluster.logics[0]!.port}`);
    const lost = proxy.swallowAnswer((bytes) => bytes.includes('/v1/push/users'));
    const body = JSON.stringify({ users: ['ann'], type: 3, data: 'once' });
    const request = { method: 'POST', body, headers: { ...headers, 'content-type': 'application/json' } };
    await expect(fetch(`http://${proxy.address}/v1/push/users`, request)).rejects.toThrow('fetch failed');
    await lost;
    const again = await fetch(`${cluster.restUrls[1]}/v1/push/users`, request);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    expect(((await again.json()) as { id: string }).id).toBe((await ann.next(3)).id);
    await cluster.push('users', { users: ['ann'], type: 4, data: 'end' });
    await ann.next(4);
    expect(ann.received('user').map(({ data }) => data)).toEqual(['once', 'end']);
  });
});

describeWithServers('keys while Redis is away', () => {
  it('are refused with nothing pushed, before and after it has heard of them; pushes without a key go on', async () => {
    await using proxy = await proxyTo(process.env.REDIS_URL!);
    await using cluster = new Processes();
    await cluster.startLogic({ REDIS_URL: `redis://${proxy.address}` });
    await cluster.startJob();
    await cluster.startGateway();
    await cluster.ready();
    const ann = await cluster.connect('ann');
    const push = (data: string, key?: string) => {
      const body = { users: ['ann'], type: 3, data };
      return cluster.post('/v1/push/users', body, { headers: key ? { 'idempotency-key': key } : {} });
    };
    const heard = proxy.swallowAnswer(isBegin);
    const refused = await push('once', 'k');
    await heard;
    expect(refused).toMatchObject({ status: 503, body: { code: 'idempotency_unavailable' } });
    expect(refused.headers.get('retry-after')).toBe('2');
    proxy.refuse();
    expect(await push('never', 'l')).toMatchObject({ status: 503, body: { code: 'idempotency_unavailable' } });
    expect(await push('keyless')).toMatchObject({ status: 202 });
    proxy.accept();
    await until(async () => (await push('once', 'k')).status === 202, 'keys to be looked up again');
    await push('end');
    await ann.next((packet) => packet.data === 'end');
    expect(ann.received('user').map(({ data }) => data)).toEqual(['keyless', 'once', 'end']);
  });
});

describe('a push of which some shards failed', () => {
  it.each([true, false])(
    'is finished by its repeat, and comes once to those who had it (retain: %s)',
    async (retain) => {
      await using cluster = await startCluster({ logics: 2 });
      const { bus } = cluster.shared!;
      const whole = bus.publish.bind(bus);
      let away: number | undefined;
      bus.publish = async (records) => {
        await whole(records.filter(({ shard }) => shard !== away));
        if (records.some(({ shard }) => shard === away)) throw new BusUnavailableError('one shard is away');
      };
      const people = Array.from({ length: 12 }, (_, n) => `u${n}`);
      const clients = await Promise.all(people.map((user) => cluster.connect(user)));
      const push = (logic: number) =>
        cluster.post('/v1/push/users', { users: people, type: 3, data: 'once', retain }, { logic, headers });
      const shardOf = (user: string) => bus.shardOf(`default/user:${user}`);
      away = shardOf('u0');
      const refused = await push(0);
      expect(refused).toMatchObject({ status: 503, body: { code: 'bus_unavailable' } });
      expect(refused.headers.get('retry-after')).toBe('2');
      const lucky = clients.filter((_, n) => shardOf(people[n]!) !== away);
      expect(lucky.length).toBeGreaterThan(0);
      const early = await Promise.all(lucky.map((client) => client.next(3)));

      away = undefined;
      const done = await push(1);
      expect(done.status).toBe(202);
      await cluster.push('users', { users: people, type: 4, data: 'end' });
      await Promise.all(clients.map((client) => client.next(4)));
      const received = clients.map((client) => client.received('user').map(({ id, type }) => [type === 3 && id, type]));
      expect(received.map((packets) => packets.map(([, type]) => type))).toEqual(people.map(() => [3, 4]));
      expect(new Set([...early.map(({ id }) => id), ...received.map(([first]) => first![0])])).toEqual(
        new Set([done.body.id]),
      );
    },
  );
});
