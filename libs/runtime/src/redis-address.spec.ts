import { readConfig } from './env.js';
import { processConfig } from './process-config.js';
import { parseRedisUrl, shownRedis } from './redis-address.js';

const read = (settings: Record<string, string>) =>
  readConfig({ BIND: '127.0.0.1', ...settings }, (env) => processConfig(env, 'distributed'));

describe('the address of Redis', () => {
  it.each([
    ['redis://127.0.0.1', { kind: 'server', hosts: [{ host: '127.0.0.1', port: 6379 }], db: 0, isTls: false }],
    [
      'rediss://u:p%40%2F:x@[::1]:7/2',
      { username: 'u', password: 'p@/:x', hosts: [{ host: '::1', port: 7 }], db: 2, isTls: true },
    ],
    ['redis://:only@h', { username: undefined, password: 'only' }],
    [
      'redis+sentinel://a,b:1/main/3',
      {
        kind: 'sentinel',
        master: 'main',
        db: 3,
        hosts: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 1 },
        ],
      },
    ],
    ['rediss+cluster://a:1,b:2', { kind: 'cluster', isTls: true }],
  ])('reads %s', (url, wanted) => {
    expect(parseRedisUrl(url)).toMatchObject(wanted);
  });

  it.each([
    'http://u:hunter2@h',
    'redis://u:hunter2@',
    'redis://u:hunter2%@h',
    'redis://u:hunter2@h/x',
    'redis+sentinel://u:hunter2@h',
    'redis+cluster://u:hunter2@h/1',
  ])('refuses %s without showing the password', (url) => {
    let said = '';
    try {
      read({ REDIS_URL: url });
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said).toMatch(/^REDIS_URL must/);
    expect(said).not.toContain('hunter2');
  });

  it('is told without a user', () => {
    expect(shownRedis(parseRedisUrl('rediss+sentinel://u:hunter2@a,[::1]:2/main'))).toBe(
      'rediss+sentinel://a:26379,[::1]:2/main',
    );
  });

  it('is no cluster without a hash tag before every key', () => {
    expect(() => read({ REDIS_URL: 'redis+cluster://h' })).toThrow('needs a hash tag');
    expect(() => read({ REDIS_URL: 'redis+cluster://h', REDIS_PREFIX: '{}:' })).toThrow('needs a hash tag');
    expect(read({ REDIS_URL: 'redis+cluster://h', REDIS_PREFIX: '{skylark}:' }).redisPrefix).toBe('{skylark}:');
  });
});
