import type { RedisLink } from '@app/runtime';
import type { Result } from 'ioredis';
import { parseRevocationKey, revocationKey } from '../revocation-key.js';
import { RevocationList, type Revocation, type RevocationPage } from '../revocation-list.js';
import { readRevokedLua, revokeLua } from './revocations.lua.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    skylarkRevoke(
      places: string,
      ends: string,
      befores: string,
      last: string,
      key: string,
      untilMs: number,
      beforeMs: number,
    ): Result<'OK', Context>;
    skylarkReadRevoked(
      places: string,
      ends: string,
      befores: string,
      last: number,
      limit: number,
    ): Result<string[], Context>;
  }
}

export class RedisRevocationList extends RevocationList {
  private readonly keys: readonly [places: string, ends: string, befores: string];
  private readonly last: string;

  constructor(
    private readonly link: RedisLink,
    prefix: string,
  ) {
    super();
    link.define('skylarkRevoke', revokeLua, 4);
    link.define('skylarkReadRevoked', readRevokedLua, 3);
    const name = `${prefix}{revoked}`;
    this.keys = [`${name}:places`, `${name}:ends`, `${name}:befores`];
    this.last = `${name}:last`;
  }

  async add(revocation: Revocation): Promise<void> {
    const redis = await this.link.connected();
    const beforeMs = revocation.kind === 'user' ? revocation.beforeMs : 0;
    await redis.skylarkRevoke(...this.keys, this.last, revocationKey(revocation), revocation.untilMs, beforeMs);
  }

  async read(last: number, limit: number): Promise<RevocationPage> {
    const redis = await this.link.connected();
    const answer = await redis.skylarkReadRevoked(...this.keys, last, limit + 1);
    const revocations: Revocation[] = [];
    let place = last;
    const rows = answer.length / 4;
    for (let at = 0; at < Math.min(rows, limit) * 4; at += 4) {
      place = Number(answer[at + 1]);
      const { kind, app, name } = parseRevocationKey(answer[at]!);
      const untilMs = Number(answer[at + 2]);
      if (untilMs <= Date.now()) continue;
      if (kind === 'token') revocations.push({ kind, app, id: name, untilMs });
      else revocations.push({ kind, app, user: name, untilMs, beforeMs: Number(answer[at + 3]) });
    }
    return { revocations, last: place, more: rows > limit };
  }
}
