import { SignJWT } from 'jose';
import type { Welcome } from '@app/protocol';
import { startCluster, type Cluster } from '../support/cluster.js';
import { connect, upgradeRefused } from '../support/wire-client.js';

const secret = 'a secret of at least thirty-two bytes';
const token = (claims: Record<string, unknown> = {}, expires: string | number = '1h', key = secret) =>
  new SignJWT({ sub: 'ann', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(expires)
    .sign(Buffer.from(key));

describe('the locks', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ env: { AUTH_MODE: 'jwt', JWT_SECRET: secret, API_KEYS: 'key-1,key-2' } });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const url = () => cluster.clientUrls[0]!;

  it.each([
    ['a header', async () => ({ headers: { authorization: `Bearer ${await token()}` } })],
    ['the query', async () => ({ query: { token: await token() } })],
    ['a subprotocol', async () => ({ protocols: ['skylark', `bearer.${await token()}`] })],
  ])('let a token in by %s, and believe it and not the query', async (_, options) => {
    const { query, ...rest } = (await options()) as { query?: Record<string, string> };
    const client = await connect(url(), { ...rest, query: { ...query, user: 'mallory' } });
    expect(await client.welcome()).toMatchObject({ userId: 'ann' });
    await client.drop();
  });

  it('let a token in as first frame, and nothing before it', async () => {
    const client = await connect(url(), { query: { rooms: 'r' } });
    expect(await client.request({ type: 107, data: { token: await token() } })).not.toHaveProperty('error');
    const welcome = await client.next(100);
    expect((welcome.data as Welcome).rooms).toEqual(['r']);
    await client.drop();
  });

  it('close 4401 whose first frame is something else', async () => {
    const client = await connect(url());
    client.send({ type: 101, data: { room: 'r' } });
    expect((await client.closed).code).toBe(4401);
    expect(client.packets.some((packet) => packet.type === 100)).toBe(false);
  });

  it.each([
    ['bad', () => Promise.resolve('nonsense')],
    ['expired', () => token({}, Math.floor(Date.now() / 1000) - 10)],
    ['forged', () => token({}, '1h', 'another secret of at least thirty-two')],
    ['unsigned', () => Promise.resolve(`${btoa('{"alg":"none"}')}.${btoa('{"sub":"ann"}')}.`.replaceAll('=', ''))],
  ])('answer 401 to a token that is %s', async (_, make) => {
    const refused = await upgradeRefused(url(), { headers: { authorization: `Bearer ${await make()}` } });
    expect(refused.status).toBe(401);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'unauthenticated' });
  });

  it('ask REST for a key, before the body is looked at', async () => {
    const none = await cluster.post('/v1/push/all', { nonsense: true });
    expect([none.status, none.body.code]).toEqual([401, 'unauthenticated']);
    const wrong = await cluster.post('/v1/push/all', { data: 1 }, { headers: { 'x-api-key': 'key-3' } });
    expect(wrong.status).toBe(401);
    for (const headers of [{ authorization: 'Bearer key-2' }, { 'x-api-key': 'key-1' }] as Record<string, string>[]) {
      expect((await cluster.post('/v1/push/all', { data: 1 }, { headers })).status).toBe(202);
    }
    expect((await fetch(`${cluster.restUrls[0]}/push/all?val=1`)).status).toBe(401);
    expect((await fetch(`${cluster.restUrls[0]}/health/live`)).status).toBe(200);
  });
});
