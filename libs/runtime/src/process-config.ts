import { networkInterfaces } from 'node:os';
import type { Env } from './env.js';
import { parseHosts, type Hosts } from './hosts.js';
import { parseNetworks, type Networks } from './networks.js';
import { hasHashTag, parseRedisUrl, type RedisAddress } from './redis-address.js';
import { secretsOf } from './secrets.js';
import { tlsFiles } from './tls-files.js';

/** `standalone`: all apps in one process, for trying it and for one node. `distributed`: one app a process. */
export type Deployment = 'standalone' | 'distributed';

/** The settings that every process of Skylark has. */
export const processConfig = (env: Env, deployment: Deployment) => {
  const alone = deployment === 'standalone';
  const bind = env.text('BIND', alone ? '127.0.0.1' : '0.0.0.0', 'interface to listen on');
  const insecure = env.flag(
    'INSECURE',
    false,
    '`1`: may listen beyond loopback without the locks; says so at every start',
  );
  const registry = env.oneOf(
    'REGISTRY',
    ['memory', 'redis'],
    alone ? 'memory' : 'redis',
    'who is where, and history: `memory` (one process) or `redis`',
  );
  if (!alone && registry === 'memory')
    env.refuse('REGISTRY=memory works in standalone only: separate processes need REGISTRY=redis');
  const redisUrl = redisAddress(env);
  const redisPrefix = env.text(
    'REDIS_PREFIX',
    'skylark:',
    'before every key in Redis; with a cluster it needs a hash tag, such as `{skylark}:`',
  );
  if (redisUrl.kind === 'cluster' && !hasHashTag(redisPrefix))
    env.refuse(
      `REDIS_PREFIX=${redisPrefix} needs a hash tag while REDIS_URL is a cluster, such as {skylark}:, ` +
        'because what belongs together must be on one node',
    );
  return {
    bind,
    insecure,
    registry,
    redisUrl,
    redisPrefix,
    logLevel: env.oneOf(
      'LOG_LEVEL',
      ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
      'info',
      'log lines from this level up',
    ),
    shutdownMs: env.ms(
      'SHUTDOWN_MS',
      30_000,
      'milliseconds from SIGTERM until the process exits even if it is not done',
      { min: 1 },
    ),
  };
};

/** What RPC asks of the other end. */
export const rpcLock = (env: Env) => {
  const secret = env.text(
    'RPC_SECRET',
    '',
    'shared secret of the RPC handshake; needed when RPC listens beyond loopback. A comma list while it is changed: the first is shown, all are believed',
  );
  const files = tlsFiles(env, 'RPC_TLS', 'RPC');
  const name = env.optional(
    'RPC_TLS_NAME',
    'RPC: name that the certificate of every process carries; without it, the address at which it is reached',
  );
  const isWhole = ['RPC_TLS_CA', 'RPC_TLS_CERT', 'RPC_TLS_KEY'].every((setting) => env.isSet(setting));
  if (files && !isWhole) env.refuse('RPC_TLS_CA, RPC_TLS_CERT and RPC_TLS_KEY belong together: set all or none');
  return { rpcSecret: secret, rpcTls: files && isWhole ? { files, name } : undefined };
};

/** The RPC door of a process: its port, how others reach it, and the secret they share. */
export const rpcConfig = (
  env: Env,
  process: { bind: string; insecure: boolean },
  portName: string,
  deployment: Deployment,
) => {
  const alone = deployment === 'standalone';
  const lock = rpcLock(env);
  if (!alone && !isLoopback(process.bind) && secretsOf(lock.rpcSecret)[0] === '' && !process.insecure) {
    env.refuse(`RPC_SECRET must be set while BIND=${process.bind} is not loopback (or INSECURE=1 to run without)`);
  }
  return {
    rpcPort: env.port(portName, 0, 'RPC for the other apps; 0 = any free port. The address goes to the registry'),
    advertise: env.text(
      'ADVERTISE',
      isLoopback(process.bind) ? '127.0.0.1' : firstAddress(),
      'host that other processes reach this one by',
    ),
    ...lock,
  };
};

/** Who may connect; `open` is the default of standalone on loopback only. */
export const authMode = (env: Env, process: { bind: string }, deployment: Deployment): 'open' | 'jwt' =>
  env.oneOf(
    'AUTH_MODE',
    ['open', 'jwt'],
    deployment === 'standalone' && isLoopback(process.bind) ? 'open' : 'jwt',
    'who may connect: `open` believes everybody who they say they are, `jwt` asks for a token',
  );

export const trustProxy = (env: Env): Networks =>
  env.parsed(
    'TRUST_PROXY',
    '',
    'comma list of addresses and networks (`10.0.0.0/8`) whose `X-Forwarded-For` is believed',
    parseNetworks,
  );

/** `isOpen`: nothing but the network keeps anybody out, which a page in a browser on that machine is not kept out by. */
export const allowedHosts = (env: Env, { bind, isOpen }: { bind: string; isOpen: boolean }): Hosts =>
  env.parsed(
    'ALLOWED_HOSTS',
    isOpen && isLoopback(bind) ? 'local' : '*',
    'comma list of names (`push.example.com`, `*.example.com`) that requests may have as `Host`, besides addresses and localhost; `local`: no others; `*`: any. Default: `local` while BIND is loopback and no key (logic) or token (gateway) is asked for, else `*`',
    parseHosts,
  );

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');

const redisAddress = (env: Env): RedisAddress => {
  const address = env.parsed(
    'REDIS_URL',
    'redis://127.0.0.1:6379',
    'Redis: `redis://user:password@host:port` (`rediss://`: with TLS), `redis+sentinel://host:port,…/primary` or `redis+cluster://host:port,…`',
    parseRedisUrl,
    true,
  );
  const tls = tlsFiles(env, 'REDIS_TLS', 'Redis with `rediss://`');
  if (tls && !address.isTls) env.refuse('REDIS_TLS_CA, REDIS_TLS_CERT and REDIS_TLS_KEY need a rediss:// REDIS_URL');
  return {
    ...address,
    tls,
    sentinelUsername: env.optional('REDIS_SENTINEL_USERNAME', 'who we are to the sentinels, if they ask'),
    sentinelPassword: env.optional('REDIS_SENTINEL_PASSWORD', 'and the password for it'),
  };
};

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((address) => !address.internal && address.family === 'IPv4')?.address ?? '127.0.0.1';
}
