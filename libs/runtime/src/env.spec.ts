import { Env, readConfig, type ConfigError } from './env.js';

const config = (env: Env) => ({
  port: env.port('PORT', 8888, 'clients'),
  mode: env.oneOf('MODE', ['open', 'jwt'], 'open', 'auth'),
  limit: env.bytes('LIMIT', 65_536, 'of a frame'),
  wait: env.ms('WAIT', 500, 'until', { min: 1 }),
  keys: env.list('KEYS', [], 'api keys'),
  loud: env.flag('LOUD', false, 'more'),
});

describe('settings', () => {
  it('take their defaults, also for empty values', () => {
    expect(readConfig({ PORT: '' }, config)).toEqual({
      port: 8888,
      mode: 'open',
      limit: 65_536,
      wait: 500,
      keys: [],
      loud: false,
    });
  });

  it('understand units', () => {
    expect(readConfig({ LIMIT: '4MiB', WAIT: '2m', KEYS: 'a, b,', LOUD: '1' }, config)).toMatchObject({
      limit: 4 * 1024 ** 2,
      wait: 120_000,
      keys: ['a', 'b'],
      loud: true,
    });
  });

  it('report every wrong value at once, each by its name', () => {
    const wrong = { PORT: '70000', MODE: 'closed', LIMIT: '4XB', WAIT: '0', LOUD: 'yes' };
    const problems = problemsOf(wrong);
    expect(problems.map((line) => line.split(' ')[0])).toEqual(['PORT', 'MODE', 'LIMIT', 'WAIT', 'LOUD']);
    expect(problems[0]).toBe('PORT must be a whole number from 0 to 65535, but is "70000"');
  });

  it('are remembered with default and meaning, for the documentation', () => {
    const env = new Env({ PORT: '1' });
    config(env);
    expect(env.declared[0]).toEqual({ name: 'PORT', default: '8888', meaning: 'clients' });
  });
});

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env, config);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}
