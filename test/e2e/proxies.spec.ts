import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { Authority } from '../support/certificates.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { freePort } from '../support/server-process.js';
import { until } from '../support/until.js';
import { WireClient } from '../support/wire-client.js';

const has = (program: string): boolean => {
  try {
    execFileSync(program, ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

interface Proxy {
  program: string;
  config: string;
  args: (file: string, folder: string) => string[];
  /** What stands in the file for its users, and what this test puts there. */
  changes: (at: { port: number; pem: string; key: string; folder: string; ports: number[] }) => [string, string][];
}

const proxies: Proxy[] = [
  {
    program: 'nginx',
    config: 'docker/proxy/nginx.conf',
    args: (file, folder) => [
      '-c',
      file,
      '-p',
      folder,
      '-g',
      `daemon off; pid ${folder}/pid; error_log ${folder}/errors;`,
    ],
    changes: ({ port, pem, key, folder, ports: [first, second, , , rest] }) => [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['/etc/nginx/push.example.com.pem', pem],
      ['/etc/nginx/push.example.com.key', key],
      ['/var/log/nginx/skylark.log', `${folder}/access.log`],
      ['127.0.0.1:8888', `127.0.0.1:${first}`],
      ['127.0.0.1:8889', `127.0.0.1:${second}`],
      ['127.0.0.1:9999', `127.0.0.1:${rest}`],
      ['rate=50r/s', 'rate=1r/s'],
      ['burst=200', 'burst=30'],
    ],
  },
  {
    program: 'haproxy',
    config: 'docker/proxy/haproxy.cfg',
    args: (file) => ['-db', '-f', file],
    changes: ({ port, pem, ports: [first, second, health1, health2, rest] }) => [
      ['bind :443', `bind 127.0.0.1:${port}`],
      ['/etc/haproxy/push.example.com.pem', pem],
      ['127.0.0.1:8888 port 8880', `127.0.0.1:${first} port ${health1}`],
      ['127.0.0.1:8889 port 8881', `127.0.0.1:${second} port ${health2}`],
      ['127.0.0.1:9999', `127.0.0.1:${rest}`],
      ['maxconn 100000', 'maxconn 1000'],
      ['store http_req_rate(1s)', 'store http_req_rate(10s)'],
      ['gt 200', 'gt 30'],
    ],
  },
];

for (const proxy of proxies) {
  (has(proxy.program) ? describe : describe.skip)(`behind ${proxy.program}, as ${proxy.config} has it`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'skylark-proxy-'));
    let cluster: Cluster;
    let child: ChildProcess;
    let authority: Authority;
    let port: number;

    beforeAll(async () => {
      cluster = await startCluster({
        gateways: 2,
        env: { API_KEYS: 'a-key', TRUST_PROXY: '127.0.0.1', LIMIT_EXEMPT: 'none', SHOW_REMOTE_ADDRESS: '1' },
      });
      authority = await Authority.create();
      const { cert, key } = await authority.issue();
      const pem = join(folder, 'both.pem'); // HAProxy reads both from one file
      writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
      port = await freePort();
      const [one, two] = cluster.gateways;
      const ports = [one!.port, two!.port, one!.httpPort!, two!.httpPort!, cluster.logics[0]!.port];
      let config = readFileSync(proxy.config, 'utf8');
      for (const [from, to] of proxy.changes({ port, pem, key, folder, ports })) {
        if (!config.includes(from)) throw new Error(`${proxy.config} has no "${from}" any more`);
        config = config.replaceAll(from, to);
      }
      const file = join(folder, 'config');
      writeFileSync(file, config);
      child = spawn(proxy.program, proxy.args(file, folder), { stdio: 'ignore' });
      await until(async () => (await ask('GET', '/v1/online').catch(() => undefined))?.status === 200, 'the proxy');
    });
    afterAll(async () => {
      const gone = child && once(child, 'close');
      child?.kill('SIGTERM');
      await gone;
      await cluster?.[Symbol.asyncDispose]();
      await authority?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    async function ask(method: string, path: string, body?: object) {
      const headers = { 'x-api-key': 'a-key', 'content-type': 'application/json' };
      const sent = request({ host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false, agent: false });
      sent.end(body && JSON.stringify(body));
      const [answer] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
      return { status: answer.statusCode, text: await text(answer) };
    }

    const open = (user: string, localAddress = '127.0.0.1') =>
      new WireClient(
        new WebSocket(`wss://127.0.0.1:${port}/connect?user=${user}`, {
          rejectUnauthorized: false,
          localAddress,
          headers: { 'x-forwarded-for': '203.0.113.9' }, // a lie
        }),
      );

    it('clients come through, at any gateway, and are known by their own address', async () => {
      const clients = Array.from({ length: 8 }, () => open('ann', '127.0.0.2'));
      const nodes = new Set<string>();
      for (const client of clients) nodes.add((await client.welcome()).node);
      expect(nodes.size).toBe(2);
      const told = await ask('GET', '/v1/users/ann');
      expect(told.text).toContain('127.0.0.2');
      expect(told.text).not.toContain('203.0.113.9');
      expect((await ask('POST', '/v1/push/users', { users: ['ann'], type: 7, text: 'x' })).status).toBe(202);
      for (const client of clients) await client.next(7);
      for (const client of clients) await client.drop();
    });

    it('REST does, and what tells of all apps does not', async () => {
      expect((await ask('GET', '/v1/online')).status).toBe(200);
      for (const path of [
        '/metrics',
        '/health/ready',
        '/docs',
        '/',
        '/push/all?val=x',
        '/v1/../metrics',
        '/v1/%2e%2e/metrics',
        '//metrics',
      ]) {
        const { status, text: said } = await ask('GET', path);
        expect([path, [400, 401, 404].includes(status!), said.includes('skylark_')]).toEqual([path, true, false]);
      }
    });

    it('a gateway that ends sends its clients to the other, at once', async () => {
      const clients = Array.from({ length: 4 }, () => open('bob'));
      const nodes = await Promise.all(clients.map(async (client) => (await client.welcome()).node));
      const leaving = clients[nodes.indexOf('gateway-1')]!;
      await cluster.gateways[1]!.close();
      expect((await leaving.closed).code).toBe(4503);
      for (let n = 0; n < 4; n += 1) {
        const back = open('bob');
        expect((await back.welcome()).node).toBe('gateway-0');
        await back.drop();
      }
      for (const client of clients) await client.drop();
    });

    it('who connects too often is told by the proxy', async () => {
      const statuses = await Promise.all(Array.from({ length: 60 }, async () => (await ask('GET', '/connect')).status));
      expect(statuses).toContain(429);
    });
  });
}
