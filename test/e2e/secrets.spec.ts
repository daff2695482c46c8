import { createHash, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { clusterEnv } from '../support/cluster.js';
import { AppProcess, Processes } from '../support/processes.js';
import { connectTest } from '../support/redis-keys.js';
import { startRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { connect, upgradeRefused } from '../support/wire-client.js';

/** Words that nobody else says, each in a place where a secret may stand. */
const secretOf = (place: string): string => `${place}-${randomUUID()}`;

describe('at LOG_LEVEL=trace, a process', () => {
  it('writes no key, token, payload or secret of anybody, whatever is asked of it', async () => {
    const key = secretOf('plain');
    const hashed = secretOf('hashed');
    const unknown = secretOf('unknown');
    const payload = secretOf('payload');
    const jwtSecret = secretOf('jwt-secret');
    const digest = createHash('sha256').update(hashed).digest('hex');
    const app = new AppProcess('standalone', {
      ...clusterEnv({
        LOG_LEVEL: 'trace',
        AUTH_MODE: 'jwt',
        JWT_SECRET: jwtSecret,
        API_KEYS: `${key},sha256:${digest}`,
      }),
      REGISTRY: 'memory',
      BUS: 'embedded',
    });
    const tokens = [];
    try {
      const rest = `http://127.0.0.1:${String((await app.says('logic listens')).port)}`;
      const clients = `ws://127.0.0.1:${String((await app.says('gateway listens')).port)}/connect`;
      await app.says('clients are let in');
      const token = (expires: string | number, by = jwtSecret) =>
        new SignJWT({ sub: 'ann' })
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime(expires)
          .sign(Buffer.from(by));
      const [good, expired, forged] = [await token('1h'), await token(1), await token('1h', secretOf('other'))];
      tokens.push(good, expired, forged);
      const client = await connect(clients, { query: { token: good } });
      await client.welcome();
      for (const bad of [expired, forged, unknown]) {
        await upgradeRefused(clients, { headers: { authorization: `Bearer ${bad}` } });
        await upgradeRefused(clients, { query: { token: bad } });
        await upgradeRefused(clients, { protocols: ['skylark', `bearer.${bad}`] });
        await client.request({ type: 107, data: { token: bad } });
      }
      client.send({ type: 3, data: payload });
      client.send(`{"type":101,"data":"${payload}`);
      for (const shown of [key, hashed, unknown]) {
        const headers = { 'x-api-key': shown, 'content-type': 'application/json' };
        for (const body of [
          { text: payload },
          { base64: payload },
          { text: payload, [payload]: 1 },
          { data: { payload } },
        ]) {
          for (const path of ['all', 'batch', 'users', 'nothing'])
            await fetch(`${rest}/v1/push/${path}`, {
              method: 'POST',
              headers,
              body: JSON.stringify({ ...body, users: ['ann'] }),
            });
        }
        await fetch(`${rest}/v1/push/all`, { method: 'POST', headers, body: `{"text":"${payload}` });
        await fetch(`${rest}/push/all?tag=3&val=${payload}`, { headers: { authorization: `Bearer ${shown}` } });
        await fetch(`${rest}/v1/online?token=${shown}`, { headers });
      }
      const metrics = await app.metrics();
      await client.drop();
      app.kill('SIGTERM');
      await app.exited;
      const output = [...app.text, ...app.lines.map((line) => JSON.stringify(line)), metrics].join('\n');
      expect(app.lines.some(({ level }) => level === 20)).toBe(true); // it does say much
      const signatures = tokens.map((each) => each.split('.')[2]!);
      const found = [key, hashed, unknown, payload, jwtSecret, digest, ...signatures].filter((secret) =>
        output.includes(secret),
      );
      expect(found).toEqual([]);
    } finally {
      await app.end();
    }
  });

  it('names no value of a setting that may hold a secret when it refuses to start', async () => {
    const secret = secretOf('secret');
    const bad: Record<string, string> = {
      API_KEYS: `sha256:${secret}`,
      JWT_SECRET: secret.slice(0, 20),
      AUTH_MODE: 'jwt',
      API_KEYS_FILE: '/nonexistent/keys',
      LOGIC_PORT: '0',
    };
    const app = new AppProcess('standalone', bad);
    const { code } = await app.exited;
    const output = app.text.join('\n');
    expect([code, output]).toEqual([1, expect.stringContaining('API_KEYS: entry 1')]);
    expect(output).not.toContain(secret.slice(0, 20));
  });
});

(process.env['KAFKA_BROKERS'] ? describe : describe.skip)('separate processes at LOG_LEVEL=trace', () => {
  it('write none of it either, not when Redis goes away in mid-sentence, and each line is one of JSON', async () => {
    const [password, rpcSecret, key, payload] = ['redis', 'rpc', 'key', 'payload'].map(secretOf) as [
      string,
      string,
      string,
      string,
    ];
    const jwtSecret = secretOf('jwt-secret');
    const evil = '\n{"level":60,"msg":"forged"}\r\n\u001b[2J';
    const redis = await startRedis();
    const admin = connectTest(redis.url);
    await admin.config('SET', 'requirepass', password);
    await using apps = new Processes({
      LOG_LEVEL: 'trace',
      REDIS_URL: redis.url.replace('//', `//:${password}@`),
      RPC_SECRET: rpcSecret,
      AUTH_MODE: 'jwt',
      JWT_SECRET: jwtSecret,
      API_KEYS: key,
    });
    try {
      const logic = apps.startLogic();
      const job = apps.startJob();
      await Promise.all([logic, job]);
      await apps.startGateway();
      await apps.ready();
      const token = await new SignJWT({ sub: 'ann' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1h')
        .sign(Buffer.from(jwtSecret));
      const client = await connect(apps.clientUrls[0]!, { query: { token }, headers: { 'user-agent': 'x' } });
      await client.welcome();
      const headers = { 'x-api-key': key };
      const answers: string[] = [];
      const ask = async (path: string, init: RequestInit = {}) => {
        const answer = await fetch(apps.restUrls[0]! + path, {
          ...init,
          headers: { ...headers, 'content-type': 'application/json' },
        });
        answers.push(await answer.text());
        return answer.status;
      };
      const push = () =>
        ask('/v1/push/users', { method: 'POST', body: JSON.stringify({ users: ['ann'], type: 7, text: payload }) });
      await until(async () => (await push()) === 202, 'a push to be taken');
      await client.next(7);
      for (const path of [
        `/v1/rooms/${encodeURIComponent(evil)}`,
        `/push/room?val=x&id=${encodeURIComponent(evil)}`,
        `/${encodeURIComponent(evil)}`,
      ])
        await ask(path);
      for (const data of [{ room: evil }, { to: { user: evil } }, { token: evil }, { channel: evil }]) {
        for (const type of [101, 103, 104, 106, 107, 7]) client.send({ type, data });
      }
      await upgradeRefused(apps.clientUrls[0]!, { query: { token, user: evil, device: evil } });
      await client.close(4_000, evil);
      // Commands that are under way fail, with what they were given hanging on their errors.
      await admin.config('SET', 'requirepass', 'another');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await push();
      await until(
        () =>
          apps.all.every(({ lines }) =>
            lines.some(({ msg }) => String(msg).startsWith('redis ') && String(msg).includes('trying again')),
          ),
        'all to have lost Redis',
      );
      const metrics = await apps.scrape();
      const said = apps.all.flatMap(({ text, lines }) => [...text, ...lines.map((line) => JSON.stringify(line))]);
      const output = [...said, ...metrics, ...answers].join('\n');
      const secrets = [password, rpcSecret, key, payload, jwtSecret, token, token.split('.')[2]!];
      expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
      expect(apps.all.flatMap(({ text }) => text)).toEqual([]);
      expect(apps.all.flatMap(({ lines }) => lines.filter(({ msg }) => msg === 'forged'))).toEqual([]);
      expect(apps.all.every(({ lines }) => lines.some(({ level }) => level === 20))).toBe(true);
    } finally {
      admin.disconnect();
      await redis.stop();
    }
  });
});
