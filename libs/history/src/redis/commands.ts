import type { RedisLink } from '@app/runtime';
import type { Result } from 'ioredis';
import { appendLua } from './append.lua.js';
import { claimLua, epochLua } from './owner.lua.js';
import { readLua, topLua } from './read.lua.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    skylarkEpoch(epochs: string, life: string, fresh: string, old: string): Result<string, Context>;
    skylarkClaim(shard: string, epoch: string, ownerEpoch: number): Result<string | null, Context>;
    skylarkAppend(...keysAndArgs: (string | number | Buffer)[]): Result<string[], Context>;
    skylarkTop(list: string, meta: string, epochs: string): Result<string[], Context>;
    skylarkReadBuffer(
      list: string,
      meta: string,
      epochs: string,
      sinceEpoch: string,
      sinceOffset: number,
    ): Result<Buffer[], Context>;
  }
}

export type PipelineAnswers = [error: Error | null, result: unknown][] | null;

export function defineHistoryCommands(link: RedisLink): void {
  link.define('skylarkEpoch', epochLua, 1);
  link.define('skylarkClaim', claimLua, 1);
  link.define('skylarkAppend', appendLua, 3);
  link.define('skylarkTop', topLua, 3);
  link.define('skylarkRead', readLua, 3);
}
