import { ConfigError, readConfig, type Deployment } from '@app/runtime';
import { gatewayConfig } from './gateway.config.js';

const read = (settings: Record<string, string>, deployment: Deployment = 'distributed') =>
  readConfig(settings, (env) => gatewayConfig(env, deployment));

function problems(settings: Record<string, string>, deployment: Deployment = 'distributed'): readonly string[] {
  try {
    read(settings, deployment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the settings of a gateway', () => {
  it('are good as they stand on loopback', () => {
    expect(read({}, 'standalone')).toMatchObject({ authMode: 'open', port: 8888, bind: '127.0.0.1' });
    expect(read({ BIND: '127.0.0.1' })).toMatchObject({ authMode: 'jwt', registry: 'redis', httpPort: 8880 });
  });

  it('refuse to listen beyond loopback without the locks', () => {
    expect(problems({ AUTH_MODE: 'open', BIND: '0.0.0.0', RPC_SECRET: 's' })).toEqual([
      expect.stringMatching(/^AUTH_MODE=open .*BIND=0\.0\.0\.0.*INSECURE=1/),
    ]);
    expect(problems({ BIND: '0.0.0.0' })).toEqual([expect.stringMatching(/^RPC_SECRET /)]);
    expect(problems({ BIND: '10.0.0.1', AUTH_MODE: 'open' }, 'standalone')).toHaveLength(1);
    expect(problems({ BIND: '0.0.0.0', AUTH_MODE: 'open', INSECURE: '1' })).toEqual([]);
  });

  it('close the door of standalone when it listens beyond loopback', () => {
    expect(read({ BIND: '0.0.0.0' }, 'standalone').authMode).toBe('jwt');
  });

  it('take the address that clients are told, when it is one', () => {
    expect(read({ PUBLIC_URL: 'wss://push.example.com/connect' }, 'standalone').publicUrl).toBe(
      'wss://push.example.com/connect',
    );
    expect(problems({ PUBLIC_URL: 'https://push.example.com' }, 'standalone')).toEqual([
      expect.stringMatching(/^PUBLIC_URL must be a ws:\/\/ or wss:\/\/ URL/),
    ]);
  });

  it('report all that is wrong at once', () => {
    const wrong = { BIND: '127.0.0.1', NODE_ID: 'a~b', ALLOWED_ORIGINS: 'example.com', TRUST_PROXY: 'here' };
    const named = problems({ ...wrong, GATEWAY_PORT: 'many', MAX_ROOMS: '0', TIMEOUT_MS: '5', CHANNEL_POLICIES: 'x' });
    for (const name of [
      ...Object.keys(wrong).slice(1),
      'GATEWAY_PORT',
      'MAX_ROOMS',
      'TIMEOUT_MS',
      'CHANNEL_POLICIES',
    ]) {
      expect(named).toContainEqual(expect.stringMatching(new RegExp(`^${name}`)));
    }
    expect(named).toHaveLength(7);
  });

  it('know origins and proxies', () => {
    const config = read({
      BIND: '127.0.0.1',
      ALLOWED_ORIGINS: 'https://app.example.com, http://localhost:3000',
      TRUST_PROXY: '10.0.0.0/8,::1',
    });
    expect(config.allowedOrigins).toEqual(new Set(['https://app.example.com', 'http://localhost:3000']));
    expect(config.trustedProxies.check('10.1.2.3')).toBe(true);
    expect(config.trustedProxies.check('11.1.2.3')).toBe(false);
    expect(config.trustedProxies.check('::1', 'ipv6')).toBe(true);
    expect(read({}, 'standalone').allowedOrigins).toBe('any');
    expect(read({ BIND: '127.0.0.1' }).allowedOrigins).toEqual(new Set());
  });
});
