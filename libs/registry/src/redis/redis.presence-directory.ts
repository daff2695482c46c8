import type { RedisLink } from '@app/runtime';
import type { NodeRef } from '../node-directory.js';
import { PresenceDirectory, type PresenceChange, type RouteQuestion, type Routes } from '../presence-directory.js';
import { defineRegistryCommands, resultsOf } from './commands.js';
import { NodeTable } from './node-table.js';
import { PresenceKeys, splitKey } from './presence-keys.js';
import { VoidRefs } from './void-refs.js';

/** Commands in one pipeline: to write and read thousands in one go would hold everybody else in the process up. */
const chunk = 250;

/** Users in buckets (a hash field holds the lines of a user's refs), rooms as hashes of members by ref. */
export class RedisPresenceDirectory extends PresenceDirectory {
  private readonly gateways: NodeTable;
  private readonly keys: PresenceKeys;

  constructor(
    private readonly link: RedisLink,
    prefix: string,
  ) {
    super();
    this.gateways = new NodeTable(link, prefix, 'gateway');
    this.keys = new PresenceKeys(prefix);
    defineRegistryCommands(link);
  }

  async apply(node: NodeRef, changes: readonly PresenceChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { keys } = this;
    const pipeline = (await this.link.connected()).pipeline();
    const byBucket = new Map<string, string[]>();
    for (const { kind, key, present } of changes) {
      const change = present ? '+' : '-';
      if (kind === 'user') listIn(byBucket, keys.bucketOf(key)).push(change, key);
      else {
        const [app, room] = splitKey(key);
        pipeline.skylarkRoom(keys.membersOf(key), keys.names(app), keys.sizes(app), room, change, node);
      }
    }
    for (const [bucket, users] of byBucket) pipeline.skylarkUsers(bucket, keys.online(''), node, ...users);
    resultsOf(await pipeline.exec());
  }

  async lookup({ users, rooms }: RouteQuestion): Promise<Routes> {
    const { keys } = this;
    const byBucket = new Map<string, string[]>();
    for (const user of new Set(users)) listIn(byBucket, keys.bucketOf(user)).push(user);
    const uniqueRooms = [...new Set(rooms)];
    const asked = [
      ...[...byBucket].map(([bucket, inIt]) => ['hmget', bucket, ...inIt]),
      ...uniqueRooms.map((room) => ['hkeys', keys.membersOf(room)]),
      // Gateways last: whoever wrote what was read above had written its own entry before.
      ['time'],
      ['hgetall', this.gateways.key],
    ];
    const answers: unknown[] = [];
    for (let from = 0; from < asked.length; from += chunk) {
      const pipeline = (await this.link.connected()).pipeline(asked.slice(from, from + chunk));
      answers.push(...resultsOf(await pipeline.exec()));
    }
    const fields = answers.pop() as Record<string, string>;
    const gateways = this.gateways.seen(fields, answers.pop() as string[]);
    const found = new VoidRefs(gateways, keys, this.gateways.key);
    const ofUser = new Map<string, NodeRef[]>();
    const ofRoom = new Map<string, NodeRef[]>();
    for (const [, inIt] of byBucket) {
      const refs = answers.shift() as (string | null)[];
      for (const [i, user] of inIt.entries())
        ofUser.set(user, found.keepLiving('user', user, refs[i]?.split('\n') ?? []));
    }
    for (const room of uniqueRooms) ofRoom.set(room, found.keepLiving('room', room, answers.shift() as NodeRef[]));
    void found.forget(this.link);
    return {
      gateways,
      users: users.map((user) => ofUser.get(user)!),
      rooms: rooms.map((room) => ofRoom.get(room)!),
    };
  }
}

function listIn(lists: Map<string, string[]>, key: string): string[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
