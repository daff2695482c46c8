import { randomBytes } from 'node:crypto';
import type { Result } from 'ioredis';
import type { Clock, Timer } from './clock.js';
import type { Metrics } from './metrics.js';
import { limitedLocally } from './rate-limit.js';
import type { SharedCounters } from './shared-counters.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    skylarkQuota(key: string, process: string, count: number, max: number, lifeMs: number): Result<0 | 1, Context>;
  }
}

/** What a process that died had counts for so long; those that live say again what they have before it is over. */
const lifeMs = 300_000;
const renewMs = 120_000;
const lookEveryMs = 10_000;
/** So many are said again at once: a gateway holds tens of thousands that came in the same minute. */
const renewedAtOnce = 200;

/**
 * How many each process has of a key: `<count> <end in ms>` by process. Each says its own number, never a difference, so that what
 * was lost on the way is right again with the next word.
 * KEYS: hash of the key. ARGV: process, its count, most over all, life in ms.
 */
const quotaLua = `
local count, most, life = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if count == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 1
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local sum = count
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= ARGV[1] then
    local n, till = string.match(all[i + 1], '^(%d+) (%d+)$')
    if tonumber(till) > now then sum = sum + tonumber(n) else redis.call('HDEL', KEYS[1], all[i]) end
  end
end
if sum > most then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], count .. ' ' .. string.format('%.0f', now + life))
redis.call('PEXPIRE', KEYS[1], life)
return 1
`;

export interface QuotaOptions {
  /** Part of the keys in Redis. */
  name: string;
  /** 0: no limit, and nothing is counted. */
  max: number;
  clock: Clock;
  metrics: Metrics;
  /** Where all processes count together; without it this one counts alone. */
  shared?: SharedCounters | undefined;
}

interface Held {
  count: number;
  saidAtMs: number;
}

/**
 * How many connections there may be of each key at once. While Redis is away or slow every process holds its own to the limit, and says
 * what it has when Redis is back.
 */
export class ConnectionQuota {
  /** In the order in which they were said last. */
  private readonly held = new Map<string, Held>();
  private isRenewing = false;
  private readonly process = randomBytes(6).toString('hex');
  private readonly locally;
  private readonly timer: Timer | undefined;

  constructor(private readonly options: QuotaOptions) {
    const { shared, max, clock, metrics } = options;
    this.locally = limitedLocally(metrics);
    if (!shared || max === 0) return;
    shared.link.define('skylarkQuota', quotaLua, 1);
    this.timer = clock.every(lookEveryMs, () => void this.renew());
  }

  get isOff(): boolean {
    return this.options.max === 0;
  }

  /** Keys of which this process holds something. */
  get size(): number {
    return this.held.size;
  }

  /** Whether there was a place; who got one must {@link leave}. */
  async enter(key: string): Promise<boolean> {
    const { max, shared, name, clock } = this.options;
    if (max === 0) return true;
    const held = this.held.get(key) ?? { count: 0, saidAtMs: 0 };
    if (held.count >= max) return false;
    held.count += 1;
    this.said(key, held, clock.monotonic());
    if (!shared) return true;
    try {
      if ((await this.say(key, held.count, max)) === 1) return true;
    } catch {
      this.locally.inc({ limit: name });
      return true;
    }
    this.drop(key);
    return false;
  }

  leave(key: string): void {
    if (this.options.max === 0) return;
    const left = this.drop(key);
    if (this.options.shared) void this.say(key, left).catch(() => undefined); // it runs out by itself
  }

  close(): void {
    this.timer?.stop();
  }

  private drop(key: string): number {
    const held = this.held.get(key);
    if (!held) return 0;
    held.count -= 1;
    if (held.count === 0) this.held.delete(key);
    return held.count;
  }

  private said(key: string, held: Held, atMs: number): void {
    held.saidAtMs = atMs;
    this.held.delete(key);
    this.held.set(key, held);
  }

  private async renew(): Promise<void> {
    if (this.isRenewing) return;
    this.isRenewing = true;
    while (await this.renewSome());
    this.isRenewing = false;
  }

  /** The oldest of those whose time has come. Whether there are more, and Redis takes them. */
  private async renewSome(): Promise<boolean> {
    const nowMs = this.options.clock.monotonic();
    const due: [string, Held][] = [];
    for (const [key, held] of this.held) {
      if (nowMs - held.saidAtMs < renewMs || due.length === renewedAtOnce) break;
      due.push([key, held]);
    }
    const answers = await Promise.allSettled(due.map(([key, { count }]) => this.say(key, count)));
    const taken = due.filter((_, i) => answers[i]!.status === 'fulfilled'); // others at the next look
    for (const [key, held] of taken) if (this.held.get(key) === held) this.said(key, held, nowMs);
    return taken.length === renewedAtOnce;
  }

  private say(key: string, count: number, max = Number.MAX_SAFE_INTEGER): Promise<0 | 1> {
    const { name } = this.options;
    const shared = this.options.shared!;
    const { client } = shared.link;
    return shared.ask(() =>
      client.skylarkQuota(`${shared.prefix}limit:${name}:${key}`, this.process, count, max, lifeMs),
    );
  }
}
