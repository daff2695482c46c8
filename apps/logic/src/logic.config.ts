import type { BlockList } from 'node:net';
import { busConfig } from '@app/bus';
import { defaultPolicies, parsePolicies } from '@app/history';
import {
  allowedHosts,
  authMode,
  idleTimeout,
  isLoopback,
  parseNetworks,
  parseOrigins,
  processConfig,
  requestTimeout,
  rpcConfig,
  trustProxy,
  type Deployment,
  type Env,
} from '@app/runtime';
import { Limits, RoomPolicies } from '@app/protocol';
import { keysOfList } from './key/api-key.js';

export type LogicConfig = Readonly<ReturnType<typeof logicConfig>>;

/** Every setting of logic. */
export const logicConfig = (env: Env, deployment: Deployment) => {
  const process = processConfig(env, deployment);
  const rpc = rpcConfig(env, process, 'LOGIC_RPC_PORT', deployment);
  const isOpenToAll = !isLoopback(process.bind);
  const auth = authConfig(env, authMode(env, process, deployment));
  const keys = keyConfig(env);
  if (isOpenToAll && !process.insecure) {
    const where = `while BIND=${process.bind} is not loopback (or INSECURE=1 to run without)`;
    if (auth.authMode === 'open') env.refuse(`AUTH_MODE=open lets everybody be anybody: it must be jwt ${where}`);
    if (!keys.needsKey) env.refuse(`API_KEYS must be set ${where}, or API_KEYS_FILE`);
  }
  const rooms = roomConfig(env);
  return {
    ...process,
    ...rpc,
    ...auth,
    ...rooms,
    ...busConfig(env, deployment),
    ...keys,
    port: env.port('LOGIC_PORT', 9999, 'REST, Swagger, health, metrics'),
    requestTimeoutMs: requestTimeout(env),
    idleTimeoutMs: idleTimeout(env),
    allowedHosts: allowedHosts(env, { bind: process.bind, isOpen: !keys.needsKey }),
    swagger: env.flag('SWAGGER', true, '`0`: no documentation at `/docs`'),
    corsOrigins: env.parsed(
      'CORS_ORIGINS',
      '',
      'comma list of origins (`https://app.example.com`, `https://*.example.com`) whose pages may speak to REST; `*`: any; empty: none',
      parseOrigins,
    ),
    console: env.flag(
      'CONSOLE',
      !isOpenToAll,
      '`1`: the page for trying it out at `/`. Default: while BIND is loopback',
    ),
    trustProxy: trustProxy(env).list,
    maxPayloadBytes: env.int('MAX_PAYLOAD_BYTES', Limits.payloadBytes, 'bytes of a push that reach the client', {
      min: 1,
      max: 256 * 1024, // a record, with all that stands beside the payload, stays under 512 KiB
    }),
    policies: env.parsed(
      'CHANNEL_POLICIES',
      defaultPolicies,
      'how many messages are kept, and how long, per channel prefix',
      parsePolicies,
    ),
    regionNetworks: env.parsed(
      'REGION_NETWORKS',
      '',
      "comma list of regions and their clients' networks (`eu=10.0.0.0/8+2001:db8::/32,us=…`), the first that fits: for `ip` of `/v1/nodes`",
      parseRegions,
    ),
    showRemoteAddress: env.flag('SHOW_REMOTE_ADDRESS', false, '`1`: REST tells the remote addresses of connections'),
    idempotencyTtlMs: env.ms('IDEMPOTENCY_TTL_MS', 86_400_000, 'for how long an Idempotency-Key is remembered', {
      min: 1_000,
    }),
    idempotencyMaxBytes: env.bytes(
      'IDEMPOTENCY_MAX_BYTES',
      64 * 1024 * 1024,
      'memory for Idempotency-Keys with REGISTRY=memory, about 600 bytes each; over it the oldest are forgotten',
      { min: 64 * 1024 },
    ),
    maxPushesPerSecond: env.int(
      'MAX_PUSHES_PER_SECOND',
      10_000,
      'pushes a second with one API key, those of a batch one by one, over all logic with REGISTRY=redis; over it 429. 0: no limit',
    ),
    maxTargetsPerSecond: env.int(
      'MAX_TARGETS_PER_SECOND',
      1_000_000,
      'targets a second that the pushes of one API key name, where they name several, counted like the pushes; over it 429. 0: no limit',
    ),
    maxTargets: env.int('MAX_TARGETS', Limits.targetsPerPush, 'targets of one call', { min: 1, max: 1_000_000 }),
    maxRooms: env.int('MAX_ROOMS', Limits.roomsPerConnection, 'rooms a connection may be in, and a user by REST', {
      min: 1,
      max: 10_000,
    }),
    presenceMaxMembers: env.int(
      'PRESENCE_MAX_MEMBERS',
      200,
      'of a room with more members nobody is told who comes and goes (presence); the same for gateways and logic',
      { min: 1, max: 10_000 },
    ),
    revokedTtlMs: env.ms(
      'REVOKED_TTL_MS',
      30 * 86_400_000,
      'for how long a revoked token, or user, is remembered unless the call says so: longer than any token lives',
      { min: 1_000 },
    ),
    maxBodyBytes: env.bytes('MAX_BODY_BYTES', 4 * 1024 * 1024, 'bytes of one request body', { min: 1024 }),
  };
};

function keyConfig(env: Env) {
  const apiKeys = env.list(
    'API_KEYS',
    [],
    'keys of REST, comma list: `Authorization: Bearer` or `X-API-Key`. A plain key may do everything; or hashed ones as in API_KEYS_FILE',
  );
  const apiKeysFile = env.optional(
    'API_KEYS_FILE',
    'file of hashed keys with scopes, a line each as `npm run keys -- new` prints it; read again when it changes',
  );
  try {
    keysOfList(apiKeys);
  } catch (error) {
    env.refuse(`API_KEYS: ${(error as Error).message}`);
  }
  return { apiKeys, apiKeysFile, needsKey: apiKeys.length > 0 || apiKeysFile !== undefined };
}

function roomConfig(env: Env) {
  const roomPolicies = env.parsed(
    'ROOM_POLICIES',
    '',
    'who may join which rooms, and who is told of it, comma list of prefix=policy, the longest prefix first: `auto` (the rooms of the token when it lists some, else any), `open`, `token`, `api`, `webhook`, each with `+presence` where members are to be told who comes and goes; without a prefix (`=token`) for all others',
    (text) => RoomPolicies.parse(text),
  );
  const roomWebhookUrl = env.optional('ROOM_WEBHOOK_URL', 'what is asked who may join rooms of the policy `webhook`');
  const roomWebhookSecret = env.optional('ROOM_WEBHOOK_SECRET', 'signs the questions (HMAC-SHA256), at least 32 bytes');
  if (roomPolicies.usesWebhook) {
    if (roomWebhookUrl === undefined || roomWebhookSecret === undefined) {
      env.refuse('ROOM_POLICIES with webhook needs ROOM_WEBHOOK_URL and ROOM_WEBHOOK_SECRET');
    } else if (!/^https?:\/\/./.test(roomWebhookUrl)) {
      env.refuse('ROOM_WEBHOOK_URL must be an http:// or https:// URL');
    } else if (Buffer.byteLength(roomWebhookSecret) < 32) {
      env.refuse('ROOM_WEBHOOK_SECRET must have at least 32 bytes');
    }
  }
  return {
    roomPolicies,
    roomWebhookUrl,
    roomWebhookSecret,
    roomWebhookTimeoutMs: env.int(
      'ROOM_WEBHOOK_TIMEOUT_MS',
      2_000,
      'milliseconds that an answer may take, waiting for its turn included; without one nobody joins',
      // A gateway waits five seconds for logic.
      { min: 1, max: 4_000 },
    ),
    roomWebhookConcurrency: env.int('ROOM_WEBHOOK_CONCURRENCY', 64, 'questions at once; others wait', { min: 1 }),
    roomWebhookCacheMs: env.ms('ROOM_WEBHOOK_CACHE_MS', 5_000, 'for how long an answer holds; 0: ask each time'),
  };
}

function authConfig(env: Env, mode: 'open' | 'jwt') {
  const jwtSecret = env.optional('JWT_SECRET', 'HS256 secret of the tokens, at least 32 bytes');
  const others = env.list(
    'JWT_OTHER_SECRETS',
    [],
    'comma list of more HS256 secrets that are believed: the last one while its tokens are out, the next one before it is used',
  );
  const jwtSecrets = [...(jwtSecret === undefined ? [] : [jwtSecret]), ...others];
  const jwtJwksUrl = env.optional('JWT_JWKS_URL', "where the tokens' issuer publishes its keys, instead of JWT_SECRET");
  if (mode === 'jwt') {
    const problem = jwtProblem(jwtSecret, others, jwtJwksUrl);
    if (problem) env.refuse(problem);
  }
  return {
    authMode: mode,
    jwtSecrets,
    jwtJwksUrl,
    jwksMaxAgeMs: env.ms('JWT_JWKS_MAX_AGE_MS', 600_000, "the issuer's keys are read again when they are older", {
      min: 1_000,
    }),
    jwksCoolDownMs: env.ms(
      'JWT_JWKS_COOL_DOWN_MS',
      5_000,
      "the issuer's keys are read at most once in so many milliseconds, whatever tokens name",
      { min: 100 },
    ),
    jwtIssuer: env.optional('JWT_ISSUER', '`iss` that a token must have'),
    jwtAudience: env.optional('JWT_AUDIENCE', '`aud` that a token must have'),
    jwtClockSkewMs: env.ms(
      'JWT_CLOCK_SKEW_MS',
      5_000,
      "by how much the issuer's clock may differ from ours: `exp` and `nbf` are taken so much more kindly",
    ),
  };
}

/** RFC 7518 §3.2: a key of at least the hash's size. */
function jwtProblem(
  secret: string | undefined,
  others: readonly string[],
  jwksUrl: string | undefined,
): string | undefined {
  if ((secret === undefined) === (jwksUrl === undefined)) {
    return 'AUTH_MODE=jwt needs exactly one of JWT_SECRET and JWT_JWKS_URL';
  }
  if (jwksUrl !== undefined && others.length > 0) return 'JWT_OTHER_SECRETS go with JWT_SECRET, not with JWT_JWKS_URL';
  if (jwksUrl !== undefined && !/^https?:\/\/./.test(jwksUrl)) return 'JWT_JWKS_URL must be an http:// or https:// URL';
  if (secret !== undefined && Buffer.byteLength(secret) < 32) return 'JWT_SECRET must have at least 32 bytes';
  if (others.some((other) => Buffer.byteLength(other) < 32))
    return 'JWT_OTHER_SECRETS must have at least 32 bytes each';
  return undefined;
}

/** @throws Error whose message completes "NAME …" */
function parseRegions(text: string): { region: string; addresses: BlockList }[] {
  return text.split(',').flatMap((item) => {
    const [region = '', networks] = item.split('=', 2).map((part) => part.trim());
    if (item.trim() === '') return [];
    if (region === '' || !networks) throw new Error(`must list region=network+network; "${item}" is not that`);
    return { region, addresses: parseNetworks(networks.replaceAll('+', ',')).addresses };
  });
}
