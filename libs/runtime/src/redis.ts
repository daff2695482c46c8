import { Redis, ReplyError } from 'ioredis';
import { backoffMs } from './backoff.js';
import type { Log } from './logger.js';
import { parseRedisUrl, shownRedis, type RedisAddress } from './redis-address.js';
import { addressOptions } from './redis-options.js';

/** How long a command waits for its answer, in milliseconds: a hung Redis must not hang us. */
const commandTimeoutMs = 3_000;
/** How long a command waits for a connection that is not there. */
const connectionWaitMs = 1_000;
const maxRetryMs = 2_000;

/** Redis is not there now; trying again later is right (`persist`). */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
}

/**
 * One connection to Redis that comes back by itself. Nothing is kept back for later while it is away: a command that we
 * gave up must not be done behind our back when the connection returns.
 */
export class RedisLink {
  /** When this connection was last made, by `performance.now()`; undefined while there is none. */
  readySinceMs: number | undefined;
  /** The same, if one was lost before; undefined when it is the first one. */
  backSinceMs: number | undefined;
  private wasReady = false;
  private state: 'new' | 'ready' | 'away' | 'closed' = 'new';
  private warnings: readonly string[] = [];
  private reason = '';
  private ends = 0;
  private again: NodeJS.Timeout | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly name: string,
    private readonly log: Log,
  ) {
    redis.setMaxListeners(0); // each waiting command listens for the connection
    redis.on('ready', () => this.redisOnReady());
    redis.on('error', (error: Error) => {
      this.reason = ` (${error.message})`;
      this.away({ err: error }, 'redis cannot be reached; trying again');
    });
    redis.on('close', () => this.away({}, 'redis connection lost; trying again'));
    redis.on('end', () => this.redisOnEnd());
  }

  /** The client itself, for what asks without waiting: it rejects at once while there is no connection. */
  get client(): Redis {
    return this.redis;
  }

  /** Teaches the connection a Lua script under `command`. A script taught before is taught again, which changes nothing. */
  define(command: string, lua: string, numberOfKeys: number): void {
    this.redis.defineCommand(command, { lua, numberOfKeys });
  }

  /**
   * The connection once it is there, waiting a second for it at most. Commands that are under way when it breaks are
   * rejected too, and may or may not have been done.
   * @throws RedisUnavailableError
   */
  async connected(): Promise<Redis> {
    if (this.isReady()) return this.redis;
    if (this.state !== 'closed' && (await this.becomesReady())) return this.redis;
    throw new RedisUnavailableError(`${this.name}: Redis is not connected${this.reason}`);
  }

  /** A second connection to the same address; the commands on it may take `extraMs` milliseconds longer. */
  sibling(name: string, extraMs: number): RedisLink {
    const { connectionName } = this.redis.options;
    const options = { connectionName: `${connectionName}-${name}`, commandTimeout: commandTimeoutMs + extraMs };
    return new RedisLink(this.redis.duplicate(options), `${this.name} ${name}`, this.log.child({ link: name }));
  }

  /** Undefined when Redis answers within a second, else what is wrong, as a sentence for readiness. */
  async problem(): Promise<string | undefined> {
    if (!this.isReady()) return `${this.name}: Redis is not connected${this.reason}`;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`${this.name}: Redis does not answer`), connectionWaitMs);
    });
    const asked = this.redis.ping().then(
      () => undefined,
      (error: unknown) => `${this.name}: ${(error as Error).message}`,
    );
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  }

  /** Lets running commands end. Idempotent. */
  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    clearTimeout(this.again);
    if (this.redis.status === 'ready') await this.redis.quit().catch(() => undefined);
    this.redis.disconnect();
  }

  /** ioredis calls a connection ready until its socket is closed, also after `quit`. */
  private isReady(): boolean {
    return this.redis.status === 'ready' && this.state !== 'closed';
  }

  private redisOnReady(): void {
    this.readySinceMs = performance.now();
    this.reason = '';
    this.ends = 0;
    if (this.wasReady) this.backSinceMs = this.readySinceMs;
    this.wasReady = true;
    if (this.state !== 'closed') this.state = 'ready';
    this.log.info({}, 'redis connected');
    void this.warnIfForgetful();
  }

  /** ioredis gives up when sentinels tell of a new primary while it asks for one. */
  private redisOnEnd(): void {
    if (this.state === 'closed') return;
    this.ends += 1;
    this.again = setTimeout(() => void this.redis.connect().catch(() => {}), backoffMs(this.ends, 50, maxRetryMs));
  }

  /** Each connection may be to another server; what was said of the one before is not said again. */
  private async warnIfForgetful(): Promise<void> {
    const found = await forgetfulness(this.redis);
    for (const warning of found) if (!this.warnings.includes(warning)) this.log.warn({}, warning);
    this.warnings = found;
  }

  /** Said once, however often the next attempts fail. */
  private away(fields: object, msg: string): void {
    this.readySinceMs = undefined;
    if (this.state === 'away' || this.state === 'closed') return;
    this.state = 'away';
    this.log.warn(fields, msg);
  }

  private becomesReady(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isReady: boolean) => {
        clearTimeout(timer);
        this.redis.off('ready', onReady).off('end', onEnd);
        resolve(isReady);
      };
      const onReady = () => done(true);
      const onEnd = () => done(false);
      const timer = setTimeout(onEnd, connectionWaitMs);
      this.redis.on('ready', onReady).on('end', onEnd);
    });
  }
}

/**
 * Connects to Redis and keeps trying, at least every two seconds, until `close`. Says once per change whether Redis is
 * there, and warns when it would forget what it was given.
 */
export function connectRedis(
  address: RedisAddress | string,
  options: {
    log: Log;
    name: string;
    prefix?: string;
    /** What is asked in one turn of the event loop goes in one write: for many who ask one thing each. */
    gather?: boolean;
  },
): RedisLink {
  const at = typeof address === 'string' ? parseRedisUrl(address) : address;
  const log = options.log.child({ redis: options.name, at: shownRedis(at) });
  const redis = new Redis({
    ...addressOptions(at, options.prefix ?? '', commandTimeoutMs, log),
    connectionName: `skylark-${options.name}`,
    retryStrategy: (attempt) => backoffMs(attempt, 50, maxRetryMs),
    commandTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    // ioredis waits so long for the end of a socket, also of one that has ended, and keeps the process alive meanwhile.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: options.gather ?? false,
    // After a failover the old primary only reads, or has the keys no more: connect again to find the new one.
    reconnectOnError: (error) => /^(READONLY|MOVED|CLUSTERDOWN)/.test(error.message),
  });
  return new RedisLink(redis, options.name, log);
}

/** What a restart or a full memory of this server would cost, as sentences that shout; also when nobody may look. */
async function forgetfulness(redis: Redis): Promise<string[]> {
  const setting = async (name: string) => (await redis.config('GET', name))[1];
  let appendonly: string | undefined;
  let policy: string | undefined;
  try {
    [appendonly, policy] = await Promise.all([setting('appendonly'), setting('maxmemory-policy')]);
  } catch (error) {
    if (!(error instanceof ReplyError)) return []; // gone again: the next connection is asked
  }
  const said: string[] = [];
  if (appendonly === undefined || policy === undefined)
    said.push('REDIS DOES NOT TELL ITS SETTINGS: make sure of appendonly yes and maxmemory-policy noeviction');
  if (appendonly !== undefined && appendonly !== 'yes')
    said.push('REDIS FORGETS AT A RESTART: what is acknowledged is not on disk; set appendonly yes');
  if (policy !== undefined && policy !== 'noeviction')
    said.push('REDIS MAY EVICT history and registry under memory pressure; set maxmemory-policy noeviction');
  return said;
}
