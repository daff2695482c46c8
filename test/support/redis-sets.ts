import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from './redis-server.js';
import { freePort, launch } from './server-process.js';
import { until } from './until.js';

const run = promisify(execFile);

const addressOf = (port: number) => `127.0.0.1:${port}`;

/** The nodes of a cluster speak to one another on a port 10,000 higher. */
async function lowPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + 10_000 < 65_536) return port;
  }
}

/** A Redis Cluster of three nodes, each with so many replicas. */
export async function startCluster({ replicas = 0 } = {}) {
  const clustered = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const nodes = await Promise.all(
    Array.from({ length: 3 * (1 + replicas) }, async () => startRedis({ port: await lowPort(), settings: clustered })),
  );
  const hosts = nodes.map(({ port }) => addressOf(port));
  const cli = (...args: string[]) => run('redis-cli', ['--cluster', ...args]);
  await cli('create', ...hosts, '--cluster-replicas', String(replicas), '--cluster-yes');
  const asked = nodes.map(({ port }) => new Redis(port).on('error', () => {})); // told by who waits
  await until(async () => {
    const told = await Promise.all(asked.map((redis) => redis.cluster('INFO')));
    return told.every((info) => info.includes('cluster_state:ok'));
  }, 'the cluster');
  await until(async () => {
    const told = await Promise.all(asked.map((redis) => redis.info('replication')));
    return told.filter((info) => info.includes('master_link_status:up')).length === 3 * replicas;
  }, 'the replicas');
  /** The node that has the slot of a key, as `node` knows. */
  const ownerOf = async (key: string, node = nodes[0]!) => {
    const told = asked[nodes.indexOf(node)]!;
    const slot = await told.cluster('KEYSLOT', key);
    const ranges = (await told.cluster('SLOTS')) as unknown as [number, number, [string, number, string]][];
    const [, , [, port]] = ranges.find(([from, to]) => from <= slot && slot <= to)!;
    return nodes.find((one) => one.port === port)!;
  };
  /** Another node has the slot that a killed one had. */
  const hasTakenOver = async (killed: RedisServer, key: string) => {
    const other = nodes.find((node) => node !== killed);
    await until(async () => (await ownerOf(key, other)) !== killed, 'a replica to take over');
  };
  /** Gives the slot of a key to another node. */
  const move = async (key: string) => {
    const slot = await asked[0]!.cluster('KEYSLOT', key);
    const ids = (await Promise.all(asked.map((redis) => redis.call('CLUSTER', 'MYID')))) as string[];
    const counts = await Promise.all(asked.map((redis) => redis.cluster('SLOTS')));
    const owner = (counts[0] as unknown as [number, number, [string, number, string]][]).find(
      ([from, to]) => from <= slot && slot <= to,
    )![2][2];
    const from = ids.indexOf(owner);
    const to = (from + 1) % 3;
    await asked[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]!);
    await asked[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]!);
    const keys = await asked[from]!.cluster('GETKEYSINSLOT', slot, 1_000);
    for (const one of keys) await asked[from]!.migrate('127.0.0.1', nodes[to]!.port, one, 0, 5_000);
    for (const i of [to, from, 3 - to - from]) await asked[i]!.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to]!);
  };
  const stop = async () => {
    for (const redis of asked) redis.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  };
  return { hosts, ownerOf, hasTakenOver, move, stop };
}

/** A primary, its replica, and three sentinels that watch them as `mymaster`. */
export async function startSentinels() {
  const primary = await startRedis();
  const replica = await startRedis({ replicaOf: primary });
  const folder = await mkdtemp(join(tmpdir(), 'skylark-sentinels-'));
  const sentinels = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const port = await freePort();
      const config = join(folder, `${n}.conf`);
      const watch = [
        'monitor mymaster 127.0.0.1 ' + String(primary.port) + ' 2',
        'down-after-milliseconds mymaster 500',
      ];
      const lines = [...watch, 'failover-timeout mymaster 5000'].map((line) => `sentinel ${line}`);
      await writeFile(config, [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, ...lines, ''].join('\n'));
      const asked = new Redis(port, { lazyConnect: true, retryStrategy: () => 50 });
      asked.on('error', () => {}); // told by who waits
      const knowsAll = async () => {
        const [master] = (await asked.call('SENTINEL', 'MASTERS')) as string[][];
        const of = (name: string) => master![master!.indexOf(name) + 1];
        return of('num-slaves') === '1' && of('num-other-sentinels') === '2';
      };
      const child = await launch('redis-server', [config, '--sentinel'], async () => {});
      return { port, child, ready: () => until(() => knowsAll().catch(() => false), 'a sentinel'), asked };
    }),
  );
  await Promise.all(sentinels.map(({ ready }) => ready()));
  const stop = async () => {
    for (const { child, asked } of sentinels) {
      asked.disconnect();
      child.kill('SIGKILL');
    }
    await Promise.all([primary.stop(), replica.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
  const hosts = sentinels.map(({ port }) => addressOf(port));
  /** The sentinels have made the replica the primary. */
  const hasTakenOver = async () => {
    const redis = new Redis(replica.port);
    await until(
      async () => (await redis.info('replication')).includes('role:master'),
      'the replica to take over',
      60_000,
    );
    redis.disconnect();
  };
  return { hasTakenOver, primary, replica, hosts, [Symbol.asyncDispose]: stop };
}
