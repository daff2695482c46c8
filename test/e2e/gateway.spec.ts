import { createMemoryHistory, parsePolicies, defaultPolicies } from '@app/history';
import { createMemoryRegistry, type Registry } from '@app/registry';
import { readConfig, silentLog } from '@app/runtime';
import { gatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { startGateway, type GatewayParts } from '../../apps/gateway/src/start.js';
import { clusterEnv, startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';
import { upgradeRefused } from '../support/wire-client.js';

async function gatewayAlone(registry: Registry, more: Partial<GatewayParts> = {}, env: Record<string, string> = {}) {
  const config = readConfig(clusterEnv(env), (reader) => gatewayConfig(reader, 'standalone'));
  const history = createMemoryHistory(parsePolicies(defaultPolicies));
  const gateway = await startGateway({ config, registry, history, log: silentLog, listenHttp: true, ...more });
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${gateway.httpPort}/health/ready`);
    return { status: response.status, body: await response.text() };
  };
  const url = `ws://127.0.0.1:${gateway.port}/connect`;
  return { ...gateway, ready, url, [Symbol.asyncDispose]: () => gateway.close() };
}

const away = () => Promise.reject(new Error('the registry is away'));

/** A registry that is away until let back. */
function awayRegistry() {
  const registry = createMemoryRegistry();
  const { nodes } = registry;
  const [renew, nextIncarnation] = [nodes.renew.bind(nodes), nodes.nextIncarnation.bind(nodes)];
  Object.assign(nodes, { renew: away, nextIncarnation: away });
  return { registry, comeBack: () => void Object.assign(nodes, { renew, nextIncarnation }) };
}

describe('a gateway that ends', () => {
  it('asks its clients to go, lets nobody in, and leaves the registry', async () => {
    await using cluster = await startCluster({ env: { DRAIN_MS: '400' } });
    const people = await Promise.all(['a', 'b', 'c', 'd'].map((user) => cluster.connect(user)));
    const [gateway] = cluster.gateways;
    const ended = gateway!.close();
    await people[0]!.next(190);
    expect(await upgradeRefused(cluster.clientUrls[0]!)).toMatchObject({ status: 503 });
    for (const client of people) {
      expect(await client.closed).toEqual({ code: 4503, reason: 'node is draining' });
      const goodbye = client.packets.at(-1);
      expect(goodbye).toEqual({ type: 190, data: { code: 4503, reconnectAfterMs: expect.any(Number) as number } });
    }
    await ended;
    const nodes = (await (await fetch(`${cluster.restUrls[0]}/v1/nodes`)).json()) as { nodes: unknown[] };
    expect(nodes.nodes).toEqual([]);
  });

  it('is done at once when nobody is there', async () => {
    await using gateway = await gatewayAlone(createMemoryRegistry(), {}, { DRAIN_MS: '60000', SHUTDOWN_MS: '120000' });
    await expect(gateway.close()).resolves.toBeUndefined();
  });
});

describe('a gateway that begins', () => {
  it('lets nobody in until the registry is there, and says so', async () => {
    const { registry, comeBack } = awayRegistry();
    await using gateway = await gatewayAlone(registry, { awaitRegistry: false });
    await until(async () => (await gateway.ready()).body.includes('the registry is away'), 'readiness to say why');
    expect((await gateway.ready()).status).toBe(503);
    expect(await upgradeRefused(gateway.url)).toMatchObject({ status: 503 });
    comeBack();
    await gateway.serving;
    expect((await gateway.ready()).body).toContain('"clients":{"status":"up"}');
  });

  it('ends while the registry is still away', async () => {
    await using gateway = await gatewayAlone(awayRegistry().registry, { awaitRegistry: false });
    await expect(gateway.close()).resolves.toBeUndefined();
  });

  it('makes the one of the same name before it end', async () => {
    const registry = createMemoryRegistry();
    let isSuperseded = false;
    const env = { NODE_ID: 'twin', LEASE_MS: '150' };
    await using first = await gatewayAlone(registry, { onSuperseded: () => (isSuperseded = true) }, env);
    await using second = await gatewayAlone(registry, {}, env);
    await until(() => isSuperseded, 'the first to hear of the second');
    expect((await first.ready()).body).toContain('another process runs as NODE_ID=twin');
    expect((await second.ready()).body).toContain('"lease":{"status":"up"}');
  });
});
