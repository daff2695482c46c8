import { randomUUID } from 'node:crypto';
import type { RedisLink } from '@app/runtime';
import type { NamePage, PageWish } from '../census.js';
import { MembershipStore } from '../membership-store.js';
import { defineRegistryCommands, resultsOf } from './commands.js';

/** Users in one script call, and commands in one pipeline: neither Redis nor this process stands still for others. */
const chunk = 250;

const outcomes = { '+': 'joined', '=': 'already', full: 'full' } as const;

/** Two sorted sets that change together: the rooms of a user (`keep:r:`), the users of a room (`keep:u:`), both by name. */
export class RedisMembershipStore extends MembershipStore {
  private readonly rooms: string;

  constructor(
    private readonly link: RedisLink,
    private readonly prefix: string,
  ) {
    super();
    this.rooms = `${prefix}keep:r:`;
    defineRegistryCommands(link);
  }

  async add(
    app: string,
    room: string,
    users: readonly string[],
    limit: number,
  ): Promise<('joined' | 'already' | 'full')[]> {
    const pipeline = (await this.link.connected()).pipeline();
    for (const some of chunksOf(users))
      pipeline.skylarkEnrol(this.usersOf(app, room), this.rooms, app, room, limit, ...some);
    const answers = resultsOf(await pipeline.exec()) as (keyof typeof outcomes)[][];
    return answers.flat().map((answer) => outcomes[answer]);
  }

  async remove(app: string, room: string, users: readonly string[]): Promise<('left' | 'absent')[]> {
    const pipeline = (await this.link.connected()).pipeline();
    for (const some of chunksOf(users)) pipeline.skylarkExpel(this.usersOf(app, room), this.rooms, app, room, ...some);
    const answers = resultsOf(await pipeline.exec()) as number[][];
    return answers.flat().map((removed) => (removed === 1 ? 'left' : 'absent'));
  }

  async has(app: string, room: string, users: readonly string[]): Promise<boolean[]> {
    const pipeline = (await this.link.connected()).pipeline();
    for (const some of chunksOf(users)) pipeline.zmscore(this.usersOf(app, room), ...some);
    const answers = resultsOf(await pipeline.exec()) as (string | null)[][];
    return answers.flat().map((score) => score !== null);
  }

  async roomsOf(users: readonly string[]): Promise<string[][]> {
    const found: string[][] = [];
    for (const some of chunksOf(users)) {
      const pipeline = (await this.link.connected()).pipeline();
      for (const user of some) pipeline.zrange(this.rooms + user, 0, '-1');
      found.push(...(resultsOf(await pipeline.exec()) as string[][]));
    }
    return found;
  }

  async members(app: string, room: string, wish: Pick<PageWish, 'after' | 'limit'>): Promise<NamePage<string>> {
    const { after, limit } = wish;
    const redis = await this.link.connected();
    const start = after === undefined ? '-' : `(${after}`;
    const found = await redis.zrange(this.usersOf(app, room), start, '+', 'BYLEX', 'LIMIT', 0, limit + 1);
    const items = found.slice(0, limit);
    return { items, next: found.length > limit ? items.at(-1) : undefined };
  }

  async life(): Promise<string> {
    const key = `${this.prefix}keep:life`;
    const pipeline = (await this.link.connected()).pipeline().setnx(key, randomUUID()).get(key);
    const [, life] = resultsOf(await pipeline.exec());
    return life as string;
  }

  private usersOf(app: string, room: string): string {
    return `${this.prefix}keep:u:${app}/${room}`;
  }
}

function* chunksOf(names: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < names.length; at += chunk) yield names.slice(at, at + chunk);
}
