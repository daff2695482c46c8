import { ConfigError, readConfig } from '@app/runtime';
import { logicConfig } from './logic.config.js';

const secret = 'a secret of at least thirty-two bytes';
const kafka = { AUTH_MODE: 'jwt', JWT_SECRET: secret, API_KEYS: 'k', RPC_SECRET: 's', ADVERTISE: 'h' };

const read = (env: Record<string, string>, deployment: 'standalone' | 'distributed' = 'standalone') =>
  readConfig(env, (from) => logicConfig(from, deployment));

function problems(
  env: Record<string, string>,
  deployment: 'standalone' | 'distributed' = 'standalone',
): readonly string[] {
  try {
    read(env, deployment);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

describe('logicConfig', () => {
  it('needs nothing in standalone: open on loopback, embedded bus', () => {
    expect(read({})).toMatchObject({
      port: 9999,
      authMode: 'open',
      bus: 'embedded',
      registry: 'memory',
      apiKeys: [],
      shards: 16,
    });
  });

  it('has the page for people only where nobody else can reach it, unless one says so', () => {
    expect(read({}).console).toBe(true);
    expect(read({ CONSOLE: '0' }).console).toBe(false);
    expect(read(kafka, 'distributed').console).toBe(false);
    expect(read({ ...kafka, CONSOLE: '1' }, 'distributed').console).toBe(true);
  });

  it('is jwt over Kafka and Redis when it is one of several', () => {
    expect(read(kafka, 'distributed')).toMatchObject({
      authMode: 'jwt',
      bus: 'kafka',
      registry: 'redis',
      apiKeys: ['k'],
    });
  });

  it.each<[RegExp, Record<string, string>]>([
    [/^AUTH_MODE=jwt needs exactly one of JWT_SECRET and JWT_JWKS_URL/, { AUTH_MODE: 'jwt' }],
    [/^AUTH_MODE=jwt needs exactly one/, { AUTH_MODE: 'jwt', JWT_SECRET: secret, JWT_JWKS_URL: 'https://a/b' }],
    [/^AUTH_MODE=jwt needs exactly one/, { BIND: '0.0.0.0', API_KEYS: 'k' }],
    [/^JWT_SECRET must have at least 32 bytes/, { AUTH_MODE: 'jwt', JWT_SECRET: 'short' }],
    [/^JWT_OTHER_SECRETS must have at least 32/, { AUTH_MODE: 'jwt', JWT_SECRET: secret, JWT_OTHER_SECRETS: 'short' }],
    [/^JWT_OTHER_SECRETS go with/, { AUTH_MODE: 'jwt', JWT_JWKS_URL: 'https://a/b', JWT_OTHER_SECRETS: secret }],
    [/^JWT_JWKS_URL must be/, { AUTH_MODE: 'jwt', JWT_JWKS_URL: 'file:///etc/passwd' }],
    [/^AUTH_MODE=open .* BIND=0\.0\.0\.0/, { BIND: '0.0.0.0', AUTH_MODE: 'open', API_KEYS: 'k' }],
    [/^API_KEYS must be set .* BIND=0\.0\.0\.0/, { BIND: '0.0.0.0', JWT_SECRET: secret }],
    [/^BUS=redis is not there yet/, { BUS: 'redis' }],
    [/^TRUST_PROXY must list/, { TRUST_PROXY: '10.0.0.0/8,proxy' }],
    [/^TRUST_PROXY must list/, { TRUST_PROXY: '10.0.0.0/33' }],
    [/^MAX_PAYLOAD_BYTES must be/, { MAX_PAYLOAD_BYTES: '1000000' }],
    [/^REGION_NETWORKS must list region=network/, { REGION_NETWORKS: 'eu' }],
    [/^REGION_NETWORKS must list region=network/, { REGION_NETWORKS: '=10.0.0.0/8' }],
    [/^REGION_NETWORKS must list addresses/, { REGION_NETWORKS: 'eu=10.0.0.0/8+x' }],
    [/^REGION_NETWORKS must list addresses/, { REGION_NETWORKS: 'eu=10.0.0.0/8,us=10.0.0.0/64' }],
    [/^CHANNEL_POLICIES must/, { CHANNEL_POLICIES: 'rooms=1' }],
    [/^LOGIC_PORT must be/, { LOGIC_PORT: '70000' }],
  ])('says %s', (message, env) => {
    expect(problems(env)).toEqual([expect.stringMatching(message)]);
  });

  it('knows regions by their networks, with spaces and empty items', () => {
    const { regionNetworks } = read({ REGION_NETWORKS: ' eu = 10.0.0.0/8 + 2001:db8::/32 , us=192.0.2.1,, ' });
    expect(regionNetworks.map(({ region }) => region)).toEqual(['eu', 'us']);
    expect(regionNetworks[0]!.addresses.check('2001:db8::1', 'ipv6')).toBe(true);
    expect(regionNetworks[1]!.addresses.check('192.0.2.2')).toBe(false);
    expect(read({}).regionNetworks).toEqual([]);
  });

  it('has no bus in memory between processes', () => {
    expect(problems({ ...kafka, BUS: 'embedded' }, 'distributed')).toEqual([
      expect.stringMatching(/^BUS=embedded works in standalone only/),
    ]);
  });

  it('says all of it at once', () => {
    const found = problems({ BUS: 'redis', LOGIC_PORT: 'x' }, 'distributed').join('\n');
    for (const name of ['BUS=redis', 'LOGIC_PORT', 'RPC_SECRET', 'API_KEYS', 'JWT_SECRET'])
      expect(found).toContain(name);
  });

  it('may be told to run without locks', () => {
    expect(problems({ BIND: '0.0.0.0', AUTH_MODE: 'open', INSECURE: '1' })).toEqual([]);
  });

  it('reads addresses and networks of proxies', () => {
    expect(read({ TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy).toEqual(['10.0.0.0/8', '::1']);
  });
});
