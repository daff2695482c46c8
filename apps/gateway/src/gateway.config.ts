import { randomBytes } from 'node:crypto';
import { defaultPolicies, parsePolicies } from '@app/history';
import {
  allowedHosts,
  authMode,
  idleTimeout,
  isLoopback,
  parseOrigins,
  parseNetworks,
  processConfig,
  requestTimeout,
  rpcConfig,
  trustProxy,
  type Deployment,
  type Env,
} from '@app/runtime';

/** Every setting of a gateway. */
export const gatewayConfig = (env: Env, deployment: Deployment) => {
  const alone = deployment === 'standalone';
  const base = processConfig(env, deployment);
  const rpc = rpcConfig(env, base, 'GATEWAY_RPC_PORT', deployment);
  const auth = authMode(env, base, deployment);
  if (auth === 'open' && !isLoopback(base.bind) && !base.insecure) {
    env.refuse(
      `AUTH_MODE=open lets anybody in, so it may not listen beyond loopback (BIND=${base.bind}); ` +
        'set AUTH_MODE=jwt, or INSECURE=1 to do so all the same',
    );
  }
  const heartbeatMs = env.ms('HEARTBEAT_MS', 25_000, 'milliseconds between the PINGs that clients are asked for', {
    min: 1,
  });
  const timeoutMs = env.ms('TIMEOUT_MS', 60_000, 'milliseconds of silence after which a client is closed (4408)', {
    min: 1,
  });
  if (timeoutMs <= heartbeatMs) env.refuse(`TIMEOUT_MS=${timeoutMs} must be more than HEARTBEAT_MS=${heartbeatMs}`);
  return {
    ...base,
    ...rpc,
    /** In standalone the apps talk over loopback, whatever the clients' interface. */
    rpcHost: alone ? '127.0.0.1' : base.bind,
    rpcAdvertise: alone ? '127.0.0.1' : rpc.advertise,
    authMode: auth,
    port: env.port('GATEWAY_PORT', 8888, 'clients: WebSocket `/connect`'),
    httpPort: env.port('GATEWAY_HTTP_PORT', 8880, 'health and metrics, never for clients'),
    nodeId: env.parsed('NODE_ID', `g-${randomBytes(4).toString('hex')}`, 'stable name of this gateway', nodeId),
    publicUrl: env.parsed(
      'PUBLIC_URL',
      '',
      'where clients reach this gateway (`wss://push.example.com/connect`), told by `GET /v1/nodes`; empty: `ws://ADVERTISE:GATEWAY_PORT/connect`',
      webSocketUrl,
    ),
    region: env.text('REGION', '', 'where this gateway is, for choosing the nearest'),
    allowedOrigins: env.parsed(
      'ALLOWED_ORIGINS',
      auth === 'open' ? '*' : '',
      'comma list of origins (`https://app.example.com`, `https://*.example.com`; `null` for pages that have none) whose pages may connect; `*`: any; empty: only of the same host. Clients that send no Origin are not asked',
      parseOrigins,
    ),
    allowedHosts: allowedHosts(env, { bind: base.bind, isOpen: auth === 'open' }),
    trustedProxies: trustProxy(env).addresses,
    policies: env.parsed(
      'CHANNEL_POLICIES',
      defaultPolicies,
      'how many messages are kept, and how long, per channel prefix',
      parsePolicies,
    ),
    heartbeatMs,
    timeoutMs,
    maxMessageBytes: env.bytes('MAX_MESSAGE_BYTES', 65_536, "bytes of a client's frame; over it 1009", { min: 125 }),
    maxOutboxBytes: env.bytes('MAX_OUTBOX_BYTES', 1_048_576, 'bytes waiting for one client; over it 4413', {
      min: 4096,
    }),
    tokenWarningMs: env.ms(
      'TOKEN_WARNING_MS',
      60_000,
      'milliseconds before its token ends that a client is warned (frame 111); 0: never',
    ),
    maxConnections: env.int('MAX_CONNECTIONS', 100_000, 'connections at this gateway; over it 503', {
      min: 1,
      max: 2 ** 20,
    }),
    maxKnocks: env.int('MAX_KNOCKS', 5_000, 'newcomers waiting for the answer of logic at once; over it 503', {
      min: 1,
    }),
    maxRooms: env.int('MAX_ROOMS', 100, 'rooms a connection may be in, and a user by REST', { min: 1, max: 10_000 }),
    presenceMaxMembers: env.int(
      'PRESENCE_MAX_MEMBERS',
      200,
      'of a room with more members nobody is told who comes and goes (presence); the same for gateways and logic',
      { min: 1, max: 10_000 },
    ),
    presencePerSecond: env.int(
      'PRESENCE_PER_SECOND',
      50,
      'of those who come into one room or leave it, so many are told a second by this gateway (presence)',
      { min: 1, max: 10_000 },
    ),
    ...connectLimits(env),
    ...frameRates(env),
    requestTimeoutMs: requestTimeout(env),
    idleTimeoutMs: idleTimeout(env),
    drainMs: env.ms('DRAIN_MS', 10_000, 'milliseconds over which clients are asked to go when this gateway ends'),
    leaseMs: env.ms('LEASE_MS', 3_000, 'milliseconds for which the entry in the registry holds without a renewal', {
      min: 100,
    }),
  };
};

export type GatewayConfig = Readonly<ReturnType<typeof gatewayConfig>>;

/** Many people share an address, and a balancer that is not in TRUST_PROXY is everybody's: so these are wide. */
const connectLimits = (env: Env) => ({
  maxConnectionsPerIp: env.int(
    'MAX_CONNECTIONS_PER_IP',
    10_000,
    'connections of one address (IPv6: one /64), over all gateways with REGISTRY=redis; over it 429. 0: no limit',
  ),
  maxConnectsPerIp: env.int(
    'MAX_CONNECTS_PER_IP',
    500,
    'connection attempts a second of one address, counted like the connections; over it 429. 0: no limit',
  ),
  limitExempt: env.parsed(
    'LIMIT_EXEMPT',
    '127.0.0.0/8,::1',
    'comma list of addresses and networks of whose connections there may be any number; `none`: nobody',
    (text) => parseNetworks(text === 'none' ? '' : text).addresses,
  ),
  maxConnectionsPerUser: env.int(
    'MAX_CONNECTIONS_PER_USER',
    1_000,
    'connections of one user, over all gateways with REGISTRY=redis; over it 4429. 0: no limit',
  ),
});

/** More than any client of a person needs, and little enough that one cannot keep a gateway busy. */
const frameRates = (env: Env) => ({
  maxFramesPerSecond: env.int(
    'MAX_FRAMES_PER_SECOND',
    1_000,
    "a client's frames, PINGs too, ten seconds' worth at once; over it 4429. 0: no limit",
    { max: 1_000_000 },
  ),
  maxBytesPerSecond: env.bytes(
    'MAX_BYTES_PER_SECOND',
    1_048_576,
    "bytes of a client's frames, ten seconds' worth at once; over it 4429. 0: no limit",
  ),
  maxJoinsPerSecond: env.int(
    'MAX_JOINS_PER_SECOND',
    100,
    "rooms that a client joins, ten seconds' worth or MAX_ROOMS at once; over it 4429. 0: no limit",
    { max: 1_000_000 },
  ),
});

function nodeId(value: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) throw new Error('must be 1–64 letters, digits and . _ -');
  return value;
}

/** Empty, or a URL that a WebSocket client can open. */
function webSocketUrl(value: string): string {
  const isOne = value === '' || (URL.canParse(value) && /^wss?:$/.test(new URL(value).protocol));
  if (!isOne) throw new Error('must be a ws:// or wss:// URL');
  return value;
}
