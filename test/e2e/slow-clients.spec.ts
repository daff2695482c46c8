import { connect, type Socket } from 'node:net';
import { startCluster, type Cluster } from '../support/cluster.js';
import { until } from '../support/until.js';
import { Opcode, openRaw, rawFrame } from '../support/raw-websocket.js';

type Port = 'clients' | 'gateway health' | 'job health' | 'REST' | 'gateway RPC' | 'logic RPC';

const http = ['clients', 'gateway health', 'job health', 'REST'] as const;
const rpc = ['gateway RPC', 'logic RPC'] as const;
const head = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const upgrade = head(
  '/connect',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
);

/** What a stranger does with a connection: what he says at once, what he drips, and whether he ends his half or reads. */
interface Habit {
  says?: string | Buffer;
  drips?: string;
  ends?: boolean;
  reads?: boolean;
}

const habits: readonly [ports: readonly Port[], name: string, habit: Habit][] = [
  [[...http, ...rpc], 'says nothing', {}],
  [[...http, ...rpc], 'ends its half at once', { ends: true }],
  [http, 'says its head byte by byte', { drips: `GET / HTTP/1.1\r\nX-Slow: ${'x'.repeat(9_000)}` }],
  [http, 'ends in the middle of its head', { says: 'GET / HT', ends: true }],
  [
    http,
    'says its body byte by byte',
    {
      says: 'POST /v1/push/all HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n',
      drips: ' '.repeat(9_000),
    },
  ],
  [
    http,
    'says its chunks byte by byte',
    {
      says: 'POST /v1/push/all HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      drips: '1\r\n \r\n'.repeat(2_000),
    },
  ],
  [http, 'asks once and stays', { says: head('/health/live') }],
  // Bytes that are never taken tell it that it was cut: who does not read hears no end.
  [
    ['REST'],
    'asks for much and never reads',
    { says: head('/docs-json').repeat(40), drips: ' '.repeat(9_000), reads: false },
  ],
  [
    ['job health', 'gateway health'],
    'asks for much and never reads',
    { says: head('/metrics').repeat(60), drips: ' '.repeat(9_000), reads: false },
  ],
  [['clients'], 'upgrades and shows no token', { says: upgrade }],
  [rpc, 'says half a frame', { says: Buffer.from([0, 0, 0, 67, 5, 0]) }],
  [rpc, 'says a frame byte by byte', { says: Buffer.from([0, 0, 0, 250]), drips: '\x05'.repeat(9_000) }],
];

/** Resolves when the other end has closed or cut the connection. */
function misbehave(port: number, { says, drips = '', ends = false, reads = true }: Habit): Promise<void> {
  // Half open: the end of the other half is not answered by ours.
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  let said = 0;
  const dripping = setInterval(() => {
    if (said < drips.length) socket.write(drips[said++]!);
  }, 25);
  if (says !== undefined) socket.write(says);
  if (ends) socket.end();
  if (reads) socket.resume();
  return new Promise((resolve) => {
    const done = () => {
      clearInterval(dripping);
      socket.destroy();
      resolve();
    };
    socket.once('close', done).once('end', done);
  });
}

describe('who holds a connection without using it', () => {
  let cluster: Cluster;
  const ports = {} as Record<Port, number>;
  beforeAll(async () => {
    const times = { REQUEST_TIMEOUT_MS: '1000', IDLE_TIMEOUT_MS: '2000' };
    cluster = await startCluster({
      env: { ...times, TIMEOUT_MS: '3000', HEARTBEAT_MS: '500', MAX_OUTBOX_BYTES: '65536' },
    });
    const [gateway, logic, job] = [cluster.gateways[0]!, cluster.logics[0]!, cluster.jobs[0]!];
    Object.assign(ports, {
      clients: gateway.port,
      'gateway health': gateway.httpPort,
      'job health': job.httpPort,
      REST: logic.port,
      'gateway RPC': gateway.rpcPort,
      'logic RPC': logic.rpcPort,
    } satisfies Record<Port, number | undefined>);
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('is cut by the limit of its port, on every port and in every way, while another client is served', async () => {
    const bystander = await cluster.connect('bystander', { rooms: ['stand'] });
    const open = new Set<string>();
    const all = habits.flatMap(([where, name, habit]) =>
      where.flatMap((port) =>
        [1, 2].map(async (nth) => {
          const who = `${port}: ${name} (${nth})`;
          open.add(who);
          await misbehave(ports[port], habit);
          open.delete(who);
        }),
      ),
    );
    let slowest = 0;
    const giveUpAt = performance.now() + 40_000;
    for (let n = 0; open.size > 0 && performance.now() < giveUpAt; n += 1) {
      const began = performance.now();
      await cluster.push('rooms', { rooms: ['stand'], type: 3, data: n });
      await bystander.next((packet) => packet.data === n);
      await bystander.roundTrip();
      slowest = Math.max(slowest, performance.now() - began);
    }
    await until(() => open.size === 0, `all to be cut; still there: ${[...open].join(', ')}`);
    await Promise.all(all);
    expect(slowest).toBeLessThan(5_000);
  });

  it('is closed when it has upgraded and says nothing, or reads nothing, or does not answer a close', async () => {
    const bystander = await cluster.connect('bystander', { rooms: ['stand'] });
    const pinging = setInterval(() => bystander.send('{"type":1,"data":"PING"}'), 200);
    const url = cluster.clientUrls[0]!;
    const [silent, deaf, stubborn] = await Promise.all(
      ['silent', 'deaf', 'stubborn'].map((user) => openRaw(`${url}?user=${user}&rooms=flood`)),
    );
    deaf!.stopReading();
    const alive = setInterval(() => {
      for (const client of [deaf!, stubborn!]) client.send(rawFrame(Opcode.ping, ''));
    }, 200);
    // A close of ours that it does not answer: three frames that are none.
    stubborn!.send(Buffer.concat([1, 2, 3].map(() => rawFrame(Opcode.text, 'not json'))));
    const closes = () => closedBy(cluster);
    const flood = { rooms: ['flood'], type: 3, text: 'x'.repeat(60_000) };
    await until(
      async () => {
        if (!(await closes()).has('4413')) await cluster.push('rooms', flood);
        const found = await closes();
        return ['4413', '4408', '4400'].every((code) => found.has(code));
      },
      'the three to be closed',
      25_000,
    );
    for (const timer of [pinging, alive]) clearInterval(timer);
    expect((await silent!.closed)?.code).toBe(4408);
    expect((await stubborn!.closed)?.code).toBe(4400); // the server ended it, though its close was never answered
    deaf!.drop();
    await bystander.roundTrip();
  });
});

async function closedBy(cluster: Cluster): Promise<Set<string>> {
  const text = await cluster.gateways[0]!.metrics.registry.getSingleMetricAsString('skylark_gateway_closes_total');
  return new Set([...text.matchAll(/code="(\d+)"\} [1-9]/g)].map(([, code]) => code!));
}
