import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { AppProcess, Processes } from '../support/processes.js';
import { startKafka } from '../support/kafka-server.js';
import { startRedis } from '../support/redis-server.js';
import { freePort } from '../support/server-process.js';
import { until } from '../support/until.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

interface Health {
  status: string;
  error?: Record<string, unknown>;
}

describeWithServers('three processes on Redis and Kafka', () => {
  it('find one another in any order of starting, and after each was started again', async () => {
    await using cluster = new Processes();
    const firstGateway = cluster.start('gateway', { NODE_ID: 'g0' });
    const health = `http://127.0.0.1:${String((await firstGateway.says('gateway listens')).httpPort)}/health/ready`;
    await firstGateway.says('clients are let in');
    expect((await fetch(health)).status).toBe(503); // no logic yet
    const firstJob = await cluster.startJob();
    const firstLogic = await cluster.startLogic();
    await until(async () => (await fetch(health)).status === 200, 'the gateway to find logic');
    cluster.clientUrls.push(`ws://127.0.0.1:${String((await firstGateway.says('gateway listens')).port)}/connect`);
    await cluster.ready();

    const ann = await cluster.connect('ann', { rooms: ['r'] });
    await cluster.push('users', { users: ['ann'], type: 3, data: 'first' });
    expect(await ann.next(3)).toMatchObject({ data: 'first' });

    firstLogic.kill('SIGTERM');
    firstJob.kill('SIGTERM');
    expect(await firstLogic.exited).toEqual({ code: 0, signal: null });
    expect(await firstJob.exited).toEqual({ code: 0, signal: null });
    cluster.restUrls.length = 0;
    await cluster.startLogic();
    await cluster.startJob();
    await cluster.ready();
    await cluster.push('rooms', { rooms: ['r'], type: 4, data: 'second' });
    expect(await ann.next(4)).toMatchObject({ data: 'second' });

    firstGateway.kill('SIGTERM');
    expect((await ann.next(190)).data).toMatchObject({ code: 4503 });
    expect((await ann.closed).code).toBe(4503);
    expect(await firstGateway.exited).toEqual({ code: 0, signal: null });
    cluster.clientUrls.length = 0;
    await cluster.startGateway({ NODE_ID: 'g0' });
    const again = await persistently(() => cluster.connect('ann', { rooms: ['r'] }));
    await cluster.push('all', { type: 5, data: 'third' });
    expect(await again.next(5)).toMatchObject({ data: 'third' });
  });

  it('wait for Redis and Kafka that come late, and say so meanwhile', async () => {
    const [redisPort, kafkaPort] = [await freePort(), await freePort()];
    const late = { REDIS_URL: `redis://127.0.0.1:${redisPort}`, KAFKA_BROKERS: `127.0.0.1:${kafkaPort}` };
    await using cluster = new Processes(late);
    const [logic, job, gateway] = [cluster.start('logic'), cluster.start('job'), cluster.start('gateway')];
    const logicUrl = `http://127.0.0.1:${String((await logic.says('logic listens')).port)}`;
    const urls = [
      logicUrl,
      `http://127.0.0.1:${String((await job.says('health and metrics listen')).port)}`,
      `http://127.0.0.1:${String((await gateway.says('gateway listens')).httpPort)}`,
    ];
    for (const url of urls) {
      const response = await fetch(`${url}/health/ready`);
      expect(response.status).toBe(503);
      expect(Object.keys(((await response.json()) as Health).error ?? {})).not.toEqual([]);
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
    }
    cluster.restUrls.push(logicUrl);
    const refused = await cluster.post('/v1/push/all', { data: 1 });
    expect(refused.status).toBe(503);
    expect(refused.body.code).toBe('bus_unavailable');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);

    const redis = await startRedis({ port: redisPort });
    const kafka = await startKafka({ port: kafkaPort });
    try {
      for (const url of urls) {
        await until(async () => (await fetch(`${url}/health/ready`)).status === 200, `${url} to be ready`);
      }
      cluster.clientUrls.push(`ws://127.0.0.1:${String((await gateway.says('gateway listens')).port)}/connect`);
      const ann = await cluster.connect('ann');
      await cluster.push('users', { users: ['ann'], type: 3, data: 'at last' });
      expect(await ann.next(3)).toMatchObject({ data: 'at last' });
    } finally {
      await cluster[Symbol.asyncDispose]();
      await Promise.all([redis.stop(), kafka.stop()]);
    }
  });
});

describe('a process that cannot start', () => {
  const ended = async (app: AppProcess) => {
    const { code } = await app.exited;
    return { code, said: app.text.join('\n') };
  };

  it('names every bad setting at once, without a stack trace', async () => {
    const { code, said } = await ended(
      new AppProcess('standalone', {
        GATEWAY_PORT: 'x',
        MAX_OUTBOX_BYTES: '1',
        LOGIC_PORT: '70000',
        AUTH_MODE: 'maybe',
      }),
    );
    expect(code).toBe(1);
    for (const name of ['GATEWAY_PORT', 'MAX_OUTBOX_BYTES', 'LOGIC_PORT', 'AUTH_MODE'])
      expect(said).toContain(`${name} must`);
    expect(said).not.toMatch(/\n\s+at /);
  });

  it.each([
    ['gateway' as const, ['RPC_SECRET must be set', 'AUTH_MODE=open']],
    ['logic' as const, ['RPC_SECRET must be set', 'AUTH_MODE=open', 'API_KEYS must be set']],
  ])('refuses to listen beyond loopback without its locks (%s)', async (app, locks) => {
    const { code, said } = await ended(new AppProcess(app, { AUTH_MODE: 'open' }));
    expect(code).toBe(1);
    for (const lock of locks) expect(said).toContain(lock);
    expect(said).not.toMatch(/\n\s+at /);
  });

  it.each(['GATEWAY_PORT', 'LOGIC_PORT'])('names the setting of a port that is taken (%s)', async (setting) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const free = { GATEWAY_PORT: '0', LOGIC_PORT: '0' };
    const { code, said } = await ended(new AppProcess('standalone', { ...free, [setting]: String(port) }));
    holder.close();
    expect(code).toBe(1);
    expect(said).toContain(`${setting}=${port}: the port is taken`);
    expect(said).not.toMatch(/\n\s+at /);
  });
});

describe('a process whose lines nobody reads any more', () => {
  it('goes on, and ends when it is told to', async () => {
    const app = new AppProcess('standalone', { GATEWAY_PORT: '0', LOGIC_PORT: '0', LOG_LEVEL: 'debug' });
    const { port } = await app.says('logic listens');
    await app.says('clients are let in');
    app.stopReading();
    const live = `http://127.0.0.1:${String(port)}/health/live`;
    for (let n = 0; n < 3; n += 1) expect((await fetch(live)).status).toBe(200);
    app.kill('SIGTERM');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });
});

/** The node is let in before it has found logic: newcomers are refused for that moment, as clients know. */
async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  let found: T | undefined;
  await until(async () => {
    found = await attempt().catch(() => undefined);
    return found !== undefined;
  }, 'a connection');
  return found!;
}
