import { createHash, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { AppProcess } from '../support/processes.js';
import { clusterEnv } from '../support/cluster.js';
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
