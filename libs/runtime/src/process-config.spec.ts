import { readConfig, type Env } from './env.js';
import { processConfig, rpcConfig } from './process-config.js';

const distributed = (env: Env) => {
  const process = processConfig(env, 'distributed');
  return { ...process, ...rpcConfig(env, process, 'RPC_PORT', 'distributed') };
};

describe('the settings of every process', () => {
  it('refuse RPC beyond loopback without a secret', () => {
    expect(() => readConfig({}, distributed)).toThrow('RPC_SECRET must be set while BIND=0.0.0.0 is not loopback');
    expect(readConfig({ RPC_SECRET: 's' }, distributed).rpcSecret).toBe('s');
    expect(readConfig({ INSECURE: '1' }, distributed).rpcSecret).toBe('');
    expect(readConfig({ BIND: '127.0.0.1' }, distributed).advertise).toBe('127.0.0.1');
  });

  it('refuse a memory registry for separate processes', () => {
    expect(() => readConfig({ BIND: '127.0.0.1', REGISTRY: 'memory' }, distributed)).toThrow('standalone only');
  });

  it('stay on loopback in standalone', () => {
    expect(readConfig({}, (env) => processConfig(env, 'standalone'))).toMatchObject({
      bind: '127.0.0.1',
      registry: 'memory',
    });
  });
});
