import { ConfigError, readConfig } from '@app/runtime';
import { jobConfig } from './job.config.js';

const problems = (env: Record<string, string>, deployment: 'standalone' | 'distributed') => {
  try {
    readConfig(env, (source) => jobConfig(source, deployment));
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

describe('jobConfig', () => {
  it('has defaults that run', () => {
    expect(problems({}, 'distributed')).toEqual([]);
    expect(problems({}, 'standalone')).toEqual([]);
  });

  it('names all that is wrong at once', () => {
    const found = problems(
      { BUS: 'embedded', LANE_WINDOW_BYTES: 'much', SHARDS: '0', CHANNEL_POLICIES: 'x' },
      'distributed',
    );
    expect(found.map((line) => line.split(/[ =]/)[0]!).sort()).toEqual([
      'BUS',
      'CHANNEL_POLICIES',
      'LANE_WINDOW_BYTES',
      'SHARDS',
    ]);
  });

  it('says that BUS=redis is not there yet', () => {
    expect(problems({ BUS: 'redis' }, 'standalone')).toEqual([expect.stringContaining('BUS=redis')]);
  });
});
