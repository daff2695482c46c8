import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { AbstractConnector, Redis } from 'ioredis';
import { connectRedis, RedisLink, RedisUnavailableError, silentLog, type Log } from '@app/runtime';
import { connectTest } from '../support/redis-keys.js';
import { startRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';

const isHere = spawnSync('redis-server', ['--version']).status === 0;

/** Remembers what is said at each level. */
function listeningLog() {
  const said: string[] = [];
  const note = (level: string) => (_: object, msg: string) => void said.push(`${level}: ${msg}`);
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    child: () => log,
    isLevelEnabled: () => true,
  };
  return { log, said };
}

async function runScript(link: RedisLink): Promise<unknown[]> {
  const pipeline = (await link.connected()).pipeline() as unknown as {
    skylarkTest(word: string): void;
    exec(): Promise<[Error | null, unknown][]>;
  };
  pipeline.skylarkTest('one');
  pipeline.skylarkTest('two');
  return (await pipeline.exec()).map(([error, answer]) => error ?? answer);
}

(isHere ? describe : describe.skip)('the connection to Redis', () => {
  it('fails what is asked while Redis is away, says so once, and comes back by itself', async () => {
    const server = await startRedis();
    const { log, said } = listeningLog();
    const link = connectRedis(server.url, { log, name: 'test' });
    try {
      link.define('skylarkTest', 'return ARGV[1]', 0);
      expect(await runScript(link)).toEqual(['one', 'two']);
      expect(await link.problem()).toBeUndefined();

      await server.kill();
      await until(async () => (await link.problem()) !== undefined, 'the loss to be noticed');
      await expect(link.connected()).rejects.toBeInstanceOf(RedisUnavailableError);

      await server.restart();
      await until(async () => (await link.problem()) === undefined, 'the connection to come back');
      expect(await runScript(link)).toEqual(['one', 'two']); // the new server has never seen the script
      expect(said.filter((line) => /lost|reached|connected/.test(line))).toEqual([
        'info: redis connected',
        'warn: redis connection lost; trying again',
        'info: redis connected',
      ]);
    } finally {
      await link.close();
      await server.stop();
    }
  });

  it('comes back also when ioredis gives up, as while sentinels choose a new primary', async () => {
    const server = await startRedis();
    let attempts = 0;
    class Connector extends AbstractConnector {
      async connect() {
        this.connecting = true;
        attempts += 1;
        if (attempts === 1) throw new Error('Connection is closed.');
        return (this.stream = connect(server.port, '127.0.0.1'));
      }
    }
    const redis = new Redis({ Connector: Connector as new () => Connector, disconnectTimeout: 100 });
    const link = new RedisLink(redis, 'test', silentLog);
    try {
      await until(async () => (await link.problem()) === undefined, 'the second attempt');
      expect(attempts).toBe(2);
    } finally {
      await link.close();
      await server.stop();
    }
  });

  it('waits for a Redis that arrives late', async () => {
    const server = await startRedis();
    await server.kill();
    const link = connectRedis(server.url, { log: silentLog, name: 'test' });
    try {
      expect(await link.problem()).toBe('test: Redis is not connected');
      await server.restart();
      await until(async () => (await link.problem()) === undefined, 'the first connection');
    } finally {
      await link.close();
      await server.stop();
    }
  });

  it('tells a Redis that hangs from one that answers', async () => {
    const server = await startRedis();
    const link = connectRedis(server.url, { log: silentLog, name: 'test' });
    try {
      await link.connected();
      await server.kill('SIGSTOP');
      expect(await link.problem()).toBe('test: Redis does not answer');
      await server.kill('SIGCONT');
      await until(async () => (await link.problem()) === undefined, 'the answer');
    } finally {
      await link.close();
      await server.stop();
    }
  });

  it('warns loudly of a Redis that forgets, and only then', async () => {
    for (const appendonly of [false, true]) {
      const server = await startRedis({ appendonly });
      const { log, said } = listeningLog();
      const link = connectRedis(server.url, { log, name: 'test' });
      try {
        await link.connected();
        await (await link.connected()).ping(); // answered after the questions about its settings
        await until(() => said.some((line) => line.includes('FORGETS')) !== appendonly, 'the warning');
        expect(said.filter((line) => line.includes('EVICT'))).toEqual([]);
      } finally {
        await link.close();
        await server.stop();
      }
    }
  });

  it('looks at the settings of each server that it is connected to, and says what is new', async () => {
    const server = await startRedis({ appendonly: true });
    const { log, said } = listeningLog();
    const link = connectRedis(server.url, { log, name: 'test' });
    const admin = connectTest(server.url);
    const warnings = () => said.filter((line) => line.includes('REDIS '));
    const again = async () => {
      const connections = said.filter((line) => line.endsWith('redis connected')).length;
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await until(() => said.filter((line) => line.endsWith('redis connected')).length > connections);
      await (await link.connected()).ping(); // answered after the questions about its settings
    };
    try {
      await (await link.connected()).ping();
      expect(warnings()).toEqual([]);
      await admin.config('SET', 'appendonly', 'no');
      await again();
      await until(() => warnings().length === 1);
      await again();
      expect(warnings()).toEqual([expect.stringContaining('FORGETS')]);
      await admin.acl('SETUSER', 'default', '-config');
      await again();
      await until(() => warnings().length === 2);
      expect(warnings()[1]).toContain('DOES NOT TELL ITS SETTINGS');
    } finally {
      await admin.quit();
      await link.close();
      await server.stop();
    }
  });
});
