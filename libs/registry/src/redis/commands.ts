import type { RedisLink } from '@app/runtime';
import type { Result } from 'ioredis';
import {
  claimDeviceLua,
  enrolLua,
  expelLua,
  forgetRoomLua,
  forgetUserLua,
  nextLua,
  releaseDeviceLua,
  removeLua,
  renewLua,
  reportLua,
  roomLua,
  usersLua,
} from './scripts.lua.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    skylarkNext(counter: string, unitUs: number): Result<number, Context>;
    skylarkRenew(
      nodes: string,
      counter: string,
      id: string,
      incarnation: number,
      leaseMs: number,
      entry: string,
    ): Result<'renewed' | 'missing' | 'superseded', Context>;
    skylarkRemove(nodes: string, id: string, incarnation: number, ...leaseEndsMs: number[]): Result<number, Context>;
    skylarkUsers(bucket: string, online: string, ref: string, ...changes: string[]): Result<'OK', Context>;
    skylarkRoom(
      members: string,
      names: string,
      sizes: string,
      room: string,
      change: '+' | '-',
      ref: string,
    ): Result<'OK', Context>;
    skylarkReport(members: string, sizes: string, room: string, ref: string, count: number): Result<0 | 1, Context>;
    skylarkForgetUser(
      bucket: string,
      online: string,
      gateways: string,
      key: string,
      user: string,
      ...nodes: string[]
    ): Result<'OK', Context>;
    skylarkForgetRoom(
      members: string,
      names: string,
      sizes: string,
      gateways: string,
      room: string,
      ...nodes: string[]
    ): Result<'OK', Context>;
    skylarkClaimDevice(
      devices: string,
      device: string,
      connSeq: number,
      connectionId: string,
      lifeMs: number,
    ): Result<string[] | null, Context>;
    skylarkReleaseDevice(devices: string, device: string, connectionId: string): Result<'OK', Context>;
    skylarkEnrol(
      users: string,
      rooms: string,
      app: string,
      room: string,
      limit: number,
      ...names: string[]
    ): Result<('+' | '=' | 'full')[], Context>;
    skylarkExpel(
      users: string,
      rooms: string,
      app: string,
      room: string,
      ...names: string[]
    ): Result<number[], Context>;
  }
}

export function defineRegistryCommands(link: RedisLink): void {
  link.define('skylarkNext', nextLua, 1);
  link.define('skylarkRenew', renewLua, 2);
  link.define('skylarkRemove', removeLua, 1);
  link.define('skylarkUsers', usersLua, 2);
  link.define('skylarkRoom', roomLua, 3);
  link.define('skylarkReport', reportLua, 2);
  link.define('skylarkForgetUser', forgetUserLua, 3);
  link.define('skylarkForgetRoom', forgetRoomLua, 4);
  link.define('skylarkClaimDevice', claimDeviceLua, 1);
  link.define('skylarkReleaseDevice', releaseDeviceLua, 1);
  link.define('skylarkEnrol', enrolLua, 2);
  link.define('skylarkExpel', expelLua, 2);
}

type PipelineAnswers = [error: Error | null, result: unknown][] | null;

/** @throws the first error among the answers. */
export function resultsOf(answers: PipelineAnswers): unknown[] {
  return (answers ?? []).map(([error, result]) => {
    if (error) throw error;
    return result;
  });
}
