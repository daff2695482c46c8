import type { RedisLink } from '@app/runtime';
import type { Result } from 'ioredis';
import { claimDeviceLua, forgetRefsLua, releaseDeviceLua, removeLua, renewLua, usersLua } from './scripts.lua.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    skylarkRenew(
      nodes: string,
      counter: string,
      id: string,
      incarnation: number,
      leaseMs: number,
      entry: string,
    ): Result<'renewed' | 'missing' | 'superseded', Context>;
    skylarkRemove(nodes: string, id: string, incarnation: number, ...leaseEndsMs: number[]): Result<number, Context>;
    skylarkUsers(bucket: string, ref: string, ...changes: string[]): Result<'OK', Context>;
    skylarkForgetRefs(gateways: string, place: string, user: string, ...nodes: string[]): Result<'OK', Context>;
    skylarkClaimDevice(
      devices: string,
      device: string,
      connSeq: number,
      connectionId: string,
      lifeMs: number,
    ): Result<string | null, Context>;
    skylarkReleaseDevice(devices: string, device: string, connectionId: string): Result<'OK', Context>;
  }
}

export function defineRegistryCommands(link: RedisLink): void {
  link.define('skylarkRenew', renewLua, 2);
  link.define('skylarkRemove', removeLua, 1);
  link.define('skylarkUsers', usersLua, 1);
  link.define('skylarkForgetRefs', forgetRefsLua, 2);
  link.define('skylarkClaimDevice', claimDeviceLua, 1);
  link.define('skylarkReleaseDevice', releaseDeviceLua, 1);
}

type PipelineAnswers = [error: Error | null, result: unknown][] | null;

/** @throws the first error among the answers. */
export function resultsOf(answers: PipelineAnswers): unknown[] {
  return (answers ?? []).map(([error, result]) => {
    if (error) throw error;
    return result;
  });
}
