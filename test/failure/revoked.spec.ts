import { Redis } from 'ioredis';
import { SignJWT, type JWTPayload } from 'jose';
import type { PresenceLost, Welcome } from '@app/protocol';
import { Processes, type AppProcess } from '../support/processes.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { connect, upgradeRefused, type WireClient } from '../support/wire-client.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;
const secret = 'a secret of at least thirty-two bytes';
/** The promise is a second; the other one is for the machine that the test runs on. */
const soonMs = 2_000;
const revoked = { code: 4401, reason: 'the token was revoked' };

const bearer = async (claims: JWTPayload) => {
  const iat = Math.floor(Date.now() / 1_000) - 60;
  const token = await new SignJWT({ iat, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
  return { headers: { authorization: `Bearer ${token}` } };
};

describeWithServers('what is revoked stays revoked', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let cluster: Processes;
  let logic: AppProcess;
  let gateways: AppProcess[];
  const clients: WireClient[] = [];
  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
    proxy = await TcpProxy.to(`127.0.0.1:${redis.port}`);
    cluster = new Processes({
      REDIS_URL: redis.url,
      AUTH_MODE: 'jwt',
      JWT_SECRET: secret,
      ROOM_POLICIES: 'chat:=open+presence',
      LEASE_MS: '1000',
    });
    logic = await cluster.startLogic();
    await cluster.startJob();
    gateways = [
      await cluster.startGateway({ NODE_ID: 'g0' }),
      await cluster.startGateway({ NODE_ID: 'g1', REDIS_URL: `redis://${proxy.address}` }),
    ];
    await cluster.ready();
  });
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.drop())));
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await proxy?.close();
    await redis?.stop();
  });

  const enter = async (claims: JWTPayload, gateway: number) => {
    const client = await connect(cluster.clientUrls[gateway]!, await bearer(claims));
    clients.push(client);
    return Object.assign(client, { welcomed: (await client.next(100)).data as Welcome });
  };
  const revoke = async (body: object) => expect((await cluster.post('/v1/tokens/revoke', body)).status).toBe(200);
  const refusal = async (claims: JWTPayload, gateway: number) =>
    (await upgradeRefused(cluster.clientUrls[gateway]!, await bearer(claims))).status;
  const isReady = async (app: AppProcess) => {
    const { port, httpPort = port } = await app.says(app.app === 'logic' ? 'logic listens' : 'gateway listens');
    return (await fetch(`http://127.0.0.1:${String(httpPort)}/health/ready`).catch(() => undefined))?.status === 200;
  };

  it('by a gateway that stood still meanwhile: it closes within a second of going on', async () => {
    const [stolen, user, other] = await Promise.all([
      enter({ sub: 'ann', jti: 't1' }, 0),
      enter({ sub: 'bob' }, 0),
      enter({ sub: 'cat', jti: 't2' }, 0),
    ]);
    gateways[0]!.kill('SIGSTOP');
    const begun = Date.now();
    await revoke({ jti: 't1' });
    await revoke({ user: 'bob' });
    // Elsewhere the door is shut at once.
    for (const claims of [{ sub: 'ann', jti: 't1' }, { sub: 'bob' }]) expect(await refusal(claims, 1)).toBe(401);
    expect(Date.now() - begun).toBeLessThan(soonMs);
    gateways[0]!.kill('SIGCONT');
    const goneOn = Date.now();
    expect(await stolen.closed).toEqual(revoked);
    expect(await user.closed).toEqual(revoked);
    expect(Date.now() - goneOn).toBeLessThan(soonMs);
    await other.roundTrip();
  });

  it('by a gateway that was cut off from Redis: it closes within a second of having it again', async () => {
    const [stolen, user] = await Promise.all([enter({ sub: 'dan', jti: 't3' }, 1), enter({ sub: 'eve' }, 1)]);
    proxy.refuse();
    await gateways[1]!.says('the list of revoked tokens cannot be read, trying again');
    await revoke({ jti: 't3' });
    await revoke({ user: 'eve' });
    // Open as yet; who would come in is judged by logic, which knows.
    await stolen.roundTrip();
    const told = await user.request({
      type: 107,
      data: { token: (await bearer({ sub: 'eve' })).headers.authorization.slice(7) },
    });
    expect(told.error?.code).toBe('unauthenticated');
    const follows = () =>
      gateways[1]!.lines.filter(({ msg }) => msg === 'the list of revoked tokens is followed').length;
    const before = follows();
    proxy.accept();
    await until(() => follows() > before, 'the list to be followed again');
    const again = Date.now();
    expect(await stolen.closed).toEqual(revoked);
    expect(await user.closed).toEqual(revoked);
    expect(Date.now() - again).toBeLessThan(soonMs);
    await until(() => isReady(gateways[1]!), 'the gateway to be ready');
  });

  it('by logic and gateways that are started again, and after a restart of Redis', async () => {
    await revoke({ jti: 't4' });
    await revoke({ user: 'fay' });
    const [amy, ben] = [await enter({ sub: 'amy' }, 0), await enter({ sub: 'ben' }, 1)];
    for (const client of [amy, ben]) await client.request({ type: 101, data: { room: 'chat:1' } });
    await amy.next(120);
    gateways[1]!.kill('SIGKILL');
    await gateways[1]!.exited;
    // Members of rooms hear of a gateway that can say nothing itself.
    const { connections } = (await amy.next(122)).data as PresenceLost;
    expect(ben.welcomed.connectionId.startsWith(connections!)).toBe(true);
    logic.kill('SIGKILL');
    await logic.exited;
    await redis.kill();
    await redis.restart();
    cluster.restUrls.length = 0;
    cluster.clientUrls.length = 1;
    logic = await cluster.startLogic();
    gateways[1] = await cluster.startGateway({ NODE_ID: 'g1' });
    await cluster.ready();
    await until(() => isReady(gateways[0]!), 'the first gateway to be ready');
    for (const gateway of [0, 1]) {
      for (const claims of [{ sub: 'x', jti: 't4' }, { sub: 'fay' }]) {
        await until(async () => (await refusal(claims, gateway)) !== 503, 'logic to be found');
        expect(await refusal(claims, gateway)).toBe(401);
      }
    }
    await enter({ sub: 'gus', jti: 't5' }, 1);
  });

  it('by processes that are up while Redis is flushed', async () => {
    await revoke({ jti: 't6' });
    const admin = new Redis(redis.url);
    await admin.flushall();
    await admin.quit();
    expect(await refusal({ sub: 'x', jti: 't6' }, 0)).toBe(401);
    // What is revoked from now on is learned all the same.
    const hal = await enter({ sub: 'hal', jti: 't7' }, 1);
    await revoke({ jti: 't7' });
    expect(await hal.closed).toEqual(revoked);
  });
});
