import type { RedisLink } from '@app/runtime';
import type { Result } from 'ioredis';
import {
  IdempotencyStore,
  type IdempotencyLimits,
  type KeyEnd,
  type KeyFound,
  type KeyUse,
} from '../idempotency-store.js';
import type { PipelineAnswers } from './commands.js';
import { beginKeyLua, endKeyLua } from './idempotency.lua.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    skylarkBeginKey(
      key: string,
      hash: string,
      stamp: string,
      pendingMs: number,
      ttlMs: number,
    ): Result<string[], Context>;
    skylarkEndKey(key: string, hash: string, answer: string, ttlMs: number): Result<string, Context>;
  }
}

/** Keys in Redis, a small hash each, which Redis forgets by itself; its clock alone decides what is too old. */
export class RedisIdempotencyStore extends IdempotencyStore {
  constructor(
    private readonly link: RedisLink,
    private readonly prefix: string,
    private readonly limits: IdempotencyLimits,
  ) {
    super();
    link.define('skylarkBeginKey', beginKeyLua, 1);
    link.define('skylarkEndKey', endKeyLua, 1);
  }

  async begin(uses: readonly KeyUse[]): Promise<KeyFound[]> {
    if (uses.length === 0) return [];
    const { pendingMs, ttlMs } = this.limits;
    const pipeline = (await this.link.connected()).pipeline();
    for (const { id, hash, stamp } of uses) pipeline.skylarkBeginKey(this.keyOf(id), hash, stamp, pendingMs, ttlMs);
    return answersOf<[string, string?]>(await pipeline.exec()).map(found);
  }

  async end(ends: readonly KeyEnd[]): Promise<string[]> {
    if (ends.length === 0) return [];
    const pipeline = (await this.link.connected()).pipeline();
    for (const { id, hash, answer } of ends) pipeline.skylarkEndKey(this.keyOf(id), hash, answer, this.limits.ttlMs);
    return answersOf<string>(await pipeline.exec());
  }

  close(): Promise<void> {
    return this.link.close();
  }

  private keyOf(id: string): string {
    return `${this.prefix}i:${id}`;
  }
}

function found([state, text = '']: [string, string?]): KeyFound {
  if (state === 'pending') return { state, stamp: text };
  if (state === 'done') return { state, answer: text };
  return { state: state === 'begun' ? state : 'conflict' };
}

/** @throws the first error among the answers */
function answersOf<T>(answers: PipelineAnswers): T[] {
  return (answers ?? []).map(([error, result]) => {
    if (error) throw error;
    return result as T;
  });
}
