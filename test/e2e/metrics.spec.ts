import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryIdempotency } from '@app/history';
import { Metrics, createLog, limitedLocally, readConfig } from '@app/runtime';
import { jobConfig } from '../../apps/job/src/job.config.js';
import { startJob } from '../../apps/job/src/start.js';
import { startCluster } from '../support/cluster.js';

/** The rows of docs/metrics.md: name, type, apps, meaning. */
async function rowsOf(registries: readonly (readonly [app: string, metrics: Metrics])[]): Promise<string[]> {
  const rows = new Map<string, { type: string; help: string; apps: Set<string> }>();
  for (const [app, { registry }] of registries) {
    for (const { name, type, help } of await registry.getMetricsAsJSON()) {
      if (!name.startsWith('skylark_')) continue;
      if (!rows.has(name)) rows.set(name, { type: String(type), help, apps: new Set() });
      rows.get(name)!.apps.add(app);
    }
  }
  return [...rows]
    .map(([name, { type, help, apps }]) => `| \`${name}\` | ${type} | ${[...apps].join(', ')} | ${help} |`)
    .sort();
}

/** Each `stage` and `reason` that stand together in a file of the product. */
async function droppedOf(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  const pairs: string[] = [];
  for (const file of files.filter((name) => name.endsWith('.ts') && !/\.(spec|contract)\.ts$/.test(name))) {
    const text = await readFile(join(folder, file), 'utf8');
    const found = text.matchAll(/dropped\.(?:labels\('(\w+)', '(\w+)'\)|inc\(\{ stage: '(\w+)', reason: '(\w+)' \})/g);
    for (const [, stage, reason, otherStage, otherReason] of found)
      pairs.push(`| ${stage ?? otherStage} | ${reason ?? otherReason} |`);
  }
  return pairs;
}

describe('docs/metrics.md', () => {
  it('says of each place and reason what is dropped there', async () => {
    const page = await readFile('docs/metrics.md', 'utf8');
    const pairs = [...(await droppedOf('apps')), ...(await droppedOf('libs'))];
    expect(pairs.length).toBeGreaterThan(20);
    expect(pairs.filter((pair) => !page.includes(`\n${pair}`))).toEqual([]);
  });

  it('lists all that a cluster counts, with its meaning, and nothing else', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'skylark-metrics-'));
    try {
      const keys = join(dir, 'keys');
      await writeFile(keys, '# none\n');
      // Whatever makes an app count more; nobody is there.
      const env = {
        AUTH_MODE: 'jwt',
        JWT_JWKS_URL: 'http://127.0.0.1:1/',
        API_KEYS: 'k',
        API_KEYS_FILE: keys,
        ROOM_WEBHOOK_URL: 'http://127.0.0.1:1/',
        ROOM_WEBHOOK_SECRET: 'x'.repeat(32),
      };
      await using cluster = await startCluster({ env });
      const onRedis = { metrics: new Metrics(), bus: cluster.shared!.bus, log: createLog('silent'), listenHttp: false };
      const config = readConfig({ ...cluster.env, REDIS_URL: 'redis://127.0.0.1:1' }, (reader) =>
        jobConfig(reader, 'distributed'),
      );
      const { deadLetters } = cluster.shared!;
      const job = await startJob({ config, ...onRedis, deadLetters });
      await job.close();
      const logicAlone = new Metrics();
      createMemoryIdempotency({ pendingMs: 1, ttlMs: 1, maxBytes: 1 }, undefined, logicAlone);
      limitedLocally(logicAlone);
      const found = await rowsOf([
        ['gateway', cluster.gateways[0]!.metrics],
        ['logic', cluster.logics[0]!.metrics],
        ['logic', logicAlone],
        ['logic', cluster.shared!.busMetrics],
        ['job', cluster.jobs[0]!.metrics],
        ['job', onRedis.metrics],
      ]);
      const page = await readFile('docs/metrics.md', 'utf8');
      expect(page.split('\n').filter((line) => line.startsWith('| `skylark_'))).toEqual(found);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
