import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HistoryModule, HistoryStore, parsePolicies } from '@app/history';
import {
  Census,
  DeviceDirectory,
  MembershipStore,
  NodeDirectory,
  PresenceDirectory,
  RegistryModule,
  createMemoryRegistry,
} from '@app/registry';
import { connectRedis, silentLog } from '@app/runtime';
import { freshPrefix, removeKeys } from '../support/redis-keys.js';

const url = process.env['REDIS_URL'];
const policies = parsePolicies('');
class Root {}

const start = (...imports: DynamicModule[]) =>
  NestFactory.createApplicationContext({ module: Root, imports }, { logger: false, abortOnError: false });

describe('registry and history as Nest modules', () => {
  it('hand one memory registry to several apps, and leave it open', async () => {
    const instance = createMemoryRegistry();
    const options = { backend: 'memory' as const, instance, log: silentLog };
    const apps = [await start(RegistryModule.forRoot(options)), await start(RegistryModule.forRoot(options))];
    for (const app of apps) {
      expect(app.get(NodeDirectory)).toBe(instance.nodes);
      expect(app.get(PresenceDirectory)).toBe(instance.presence);
      expect(app.get(DeviceDirectory)).toBe(instance.devices);
      expect(app.get(MembershipStore)).toBe(instance.memberships);
      expect(app.get(Census)).toBe(instance.census);
      await app.close();
    }
  });
});

(url ? describe : describe.skip)('registry and history as Nest modules over Redis', () => {
  it('close the connection that they made, with the app', async () => {
    const prefix = freshPrefix();
    const app = await start(
      RegistryModule.forRoot({ backend: 'redis', url: url!, prefix, log: silentLog }),
      HistoryModule.forRoot({ backend: 'redis', url: url!, prefix, policies, log: silentLog }),
    );
    const [nodes, history] = [app.get(NodeDirectory), app.get(HistoryStore)];
    await Promise.all([nodes.nextIncarnation('gateway', 'g1'), history.epochOf('life')]);
    await app.close();
    expect(await nodes.problem()).toMatch(/not connected/);
    expect(await history.problem()).toMatch(/not connected/);
    await removeKeys(url!, prefix);
  });

  it('share a connection that was handed in, and leave it open', async () => {
    const prefix = freshPrefix();
    const link = connectRedis(url!, { log: silentLog, name: 'both' });
    const app = await start(
      RegistryModule.forRoot({ backend: 'redis', url: url!, prefix, link, log: silentLog }),
      HistoryModule.forRoot({ backend: 'redis', url: url!, prefix, link, policies, log: silentLog }),
    );
    await app.get(NodeDirectory).nextIncarnation('gateway', 'g1');
    await app.get(HistoryStore).epochOf('life');
    await app.close();
    expect(await link.problem()).toBeUndefined();
    await link.close();
    await removeKeys(url!, prefix);
  });
});
