import { connect as connectTcp, type Socket } from 'node:net';
import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { connect } from '../support/wire-client.js';
import { until } from '../support/until.js';

const counted = async (app: { metrics: Cluster['gateways'][number]['metrics'] }, limit: string) =>
  (await app.metrics.limited.get()).values.find(({ labels }) => labels.limit === limit)?.value ?? 0;

const key = 'a key of this test';
const headers = { 'x-api-key': key };

const wheres =
  process.env['REDIS_URL'] && process.env['KAFKA_BROKERS'] ? (['memory', 'servers'] as const) : (['memory'] as const);

describe.each(wheres)('limits, on %s', (on) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      on,
      gateways: on === 'memory' ? 1 : 2,
      logics: on === 'memory' ? 1 : 2,
      env: {
        MAX_CONNECTIONS_PER_USER: '3',
        MAX_PUSHES_PER_SECOND: '5',
        MAX_TARGETS_PER_SECOND: '100',
        MAX_JOINS_PER_SECOND: '1',
        API_KEYS: key,
      },
    });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('hold the connections of a user, over all gateways', async () => {
    const last = cluster.gateways.length - 1;
    const url = cluster.clientUrls[last]!;
    const first = await cluster.connect('ann');
    await cluster.connect('ann', { gateway: last });
    await cluster.connect('ann');
    const one = await connect(url, { query: { user: 'ann' } });
    expect(await one.closed).toEqual({ code: 4429, reason: 'this user has too many connections; retry after 10 s' });
    expect(await counted(cluster.gateways[last]!, 'connections_user')).toBe(1);
    await cluster.connect('bob', { gateway: last });
    await first.drop();
    await until(async () => {
      const next = await connect(url, { query: { user: 'ann' } });
      return Promise.race([next.welcome().then(() => true), next.closed.then(() => false)]);
    }, 'the place of the one that went');
  });

  it('close a client that joins without end, and count that', async () => {
    const client = await cluster.connect('joiner');
    // A hundred at once, and one a second; a busy machine takes some seconds for them.
    for (let n = 0; n < 150; n += 1) client.send(`{"type":101,"data":{"room":"r${n % 3}"}}`);
    expect(await client.closed).toEqual({ code: 4429, reason: 'too many joins; retry after 10 s' });
    expect(await counted(cluster.gateways[0]!, 'joins')).toBe(1);
  });

  it('answer 429 and Retry-After to a key that pushes too much, over all logic, batches push by push', async () => {
    const push = (logic: number, path: string, body: object) =>
      fetch(`${cluster.restUrls[logic % cluster.restUrls.length]!}/v1/push/${path}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => push(n, 'all', { text: 'x' })));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    expect(await refused[0]!.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    const batch = { pushes: Array.from({ length: 5 }, () => ({ target: 'all', text: 'x' })) };
    await until(async () => (await push(0, 'batch', batch)).status === 200, 'a second to be over');
    expect((await push(1, 'all', { text: 'x' })).status).toBe(429);
    let sum = 0;
    for (const logic of cluster.logics) sum += await counted(logic, 'pushes');
    expect(sum).toBeGreaterThan(10);
  });

  it('answer 429 to a key whose few pushes name too many targets', async () => {
    const users = numbers(1, 60).map((n) => `u${n}`);
    const push = (target: string, message: object) => cluster.post(`/v1/push/${target}`, message, { headers });
    await until(async () => {
      // Two of them are more than a second has; which of the two limits is met first depends on what came before.
      const answers = [
        await push('users', { users, text: 'x' }),
        await push('batch', { pushes: [{ target: 'users', users, text: 'x' }] }),
      ];
      return answers.some(({ body }) => String(body.detail).includes('too many targets'));
    }, 'a refusal for the targets');
    let sum = 0;
    for (const logic of cluster.logics) sum += await counted(logic, 'targets');
    expect(sum).toBeGreaterThan(0);
  });
});

describe('a flood of connections', () => {
  it('leaves those who are there served, and nothing behind', async () => {
    await using cluster = await startCluster({
      env: {
        REQUEST_TIMEOUT_MS: '1000',
        MAX_CONNECTS_PER_IP: '100',
        MAX_CONNECTIONS_PER_IP: '50',
        LIMIT_EXEMPT: 'none',
      },
    });
    const bystander = await cluster.connect('bystander');
    const { port } = cluster.gateways[0]!;
    const sockets: Socket[] = [];
    let open = 0;
    const said = [
      '',
      'GET /connect HT',
      'no http\r\n\r\n',
      `GET /connect HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    ];
    let slowest = 0;
    for (let n = 0; n < 2_000; n += 1) {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('connect', () => (open += 1)).on('error', () => {});
      socket.on('close', () => (open -= 1)).resume();
      socket.write(said[n % said.length]!);
      sockets.push(socket);
      if (n % 100 > 0) continue;
      const began = performance.now();
      await bystander.roundTrip();
      slowest = Math.max(slowest, performance.now() - began);
    }
    expect(slowest).toBeLessThan(1_000);
    // All but those that are let in are cut by the server.
    await until(() => open <= 50, 'the slow ones to be cut');
    for (const socket of sockets) socket.destroy();
    await until(async () => {
      const text = await cluster.gateways[0]!.metrics.registry.getSingleMetricAsString('skylark_gateway_connections');
      return text.endsWith(' 1');
    }, 'the others to be gone');
    await bystander.roundTrip();
    expect(await counted(cluster.gateways[0]!, 'connects_ip')).toBeGreaterThan(0);
  });
});
