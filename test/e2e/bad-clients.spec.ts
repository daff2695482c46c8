import { startCluster, type Cluster } from '../support/cluster.js';
import { numbers } from '../support/clients.js';
import { upgradeRefused } from '../support/wire-client.js';
import { until } from '../support/until.js';

describe('clients that misbehave', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      env: { MAX_OUTBOX_BYTES: '65536', MAX_MESSAGE_BYTES: '1024', HEARTBEAT_MS: '200', TIMEOUT_MS: '1500' },
    });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** Whatever the others do: this one gets its messages. */
  const bystander = async () => {
    const client = await cluster.connect('bystander', { rooms: ['stand'] });
    const pinging = setInterval(() => client.send('{"type":1,"data":"PING"}'), 200);
    void client.closed.then(() => clearInterval(pinging));
    return async (n: number) => {
      await cluster.push('rooms', { rooms: ['stand'], type: 3, data: n });
      await client.next((packet) => packet.data === n);
    };
  };

  it('are told what is wrong with a frame, and closed 4400 at the third', async () => {
    const undisturbed = await bystander();
    const client = await cluster.connect('mal');
    client.send('not json');
    expect(await client.next(110)).toMatchObject({ error: { code: 'malformed' } });
    client.send('{"type":"one"}');
    expect(await client.next(110)).toMatchObject({ error: { code: 'malformed' } });
    client.send(Buffer.from([1, 2, 3]));
    expect((await client.closed).code).toBe(4400);
    await undisturbed(1);
  });

  it.each([
    [{ type: 150 }, 'unknown_type'],
    [{ type: 102 }, 'invalid_body'],
    [{ type: 101, data: { room: 'no good' } }, 'bad_name'],
    [{ type: 101, data: { room: 'r', since: 'x' } }, 'invalid_body'],
    [{ type: 105, data: { types: ['x'] } }, 'invalid_body'],
    [{ type: 103, data: {} }, 'unsupported_option'],
    [{ type: 200 }, 'unknown_type'],
  ])('get a coded error for %j', async (packet, code) => {
    const client = await cluster.connect('odd');
    expect((await client.request(packet)).error?.code).toBe(code);
    await client.roundTrip(); // and live on
  });

  it('are closed 1009 for a frame over the limit', async () => {
    const client = await cluster.connect('big');
    client.send('x'.repeat(1025));
    expect((await client.closed).code).toBe(1009);
  });

  it('may be in a hundred rooms and not in the next', async () => {
    const client = await cluster.connect('social', { rooms: numbers(1, 100).map((n) => `r${n}`) });
    expect((await client.request({ type: 101, data: { room: 'r101' } })).error).toBeDefined();
    expect((await client.request({ type: 101, data: { room: 'r100' } })).error).toBeUndefined();
    const refused = await upgradeRefused(cluster.clientUrls[0]!, {
      query: {
        rooms: numbers(1, 101)
          .map((n) => `r${n}`)
          .join(','),
      },
    });
    expect(refused.status).toBe(400);
  });

  it('are closed 4413 when they do not read, and nobody waits for them', async () => {
    const undisturbed = await bystander();
    const hung = await cluster.connect('hung', { rooms: ['flood'] });
    hung.stopReading();
    const pinging = setInterval(() => hung.send('{"type":1,"data":"PING"}'), 200); // else it is silent, too
    const slow = () => metric('skylark_dropped_total{stage="outbox",reason="slow_consumer"}');
    const before = await slow();
    const flood = { rooms: ['flood'], type: 3, text: 'x'.repeat(60_000) };
    await until(async () => {
      await cluster.push('rooms', flood);
      return (await slow()) > before;
    }, 'the client that does not read to be closed');
    clearInterval(pinging);
    const counted = await slow();
    await undisturbed(2);
    expect(await slow()).toBe(counted); // once: what comes later finds it closed
  });

  it('are closed 4408 when they say nothing', async () => {
    const silent = await cluster.connect('silent');
    const talker = await cluster.connect('talker');
    const talking = setInterval(() => talker.send('{"type":1,"data":"PING"}'), 100);
    expect((await silent.closed).code).toBe(4408);
    clearInterval(talking);
    await talker.roundTrip();
  });

  async function metric(name: string): Promise<number> {
    const text = await cluster.gateways[0]!.metrics.registry.metrics();
    const line = text.split('\n').find((found) => found.startsWith(`${name} `));
    return Number(line?.split(' ')[1] ?? 0);
  }
});
