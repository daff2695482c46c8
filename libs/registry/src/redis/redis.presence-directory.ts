import { crc32 } from 'node:zlib';
import type { RedisLink } from '@app/runtime';
import type { NodeRef } from '../node-directory.js';
import { incarnationOf, livingRefs, nodeIdOf } from '../node-ref.js';
import { PresenceDirectory, type PresenceChange, type RouteQuestion, type Routes } from '../presence-directory.js';
import { defineRegistryCommands, resultsOf } from './commands.js';
import { NodeTable } from './node-table.js';

/** Few enough for one HMGET each in a push to ten thousand users, enough to keep each hash's script calls short. */
const buckets = 1_024;

/** Users in buckets (a hash field holds the lines of a user's refs), rooms as sets of refs. */
export class RedisPresenceDirectory extends PresenceDirectory {
  private readonly gateways: NodeTable;

  constructor(
    private readonly link: RedisLink,
    private readonly prefix: string,
  ) {
    super();
    this.gateways = new NodeTable(link, prefix, 'gateway');
    defineRegistryCommands(link);
  }

  async apply(node: NodeRef, changes: readonly PresenceChange[]): Promise<void> {
    if (changes.length === 0) return;
    const pipeline = (await this.link.connected()).pipeline();
    const byBucket = new Map<string, string[]>();
    for (const { kind, key, present } of changes) {
      if (kind === 'room' && present) pipeline.sadd(this.roomKey(key), node);
      else if (kind === 'room') pipeline.srem(this.roomKey(key), node);
      else listIn(byBucket, this.bucketOf(key)).push(present ? '+' : '-', key);
    }
    for (const [bucket, users] of byBucket) pipeline.skylarkUsers(bucket, node, ...users);
    resultsOf(await pipeline.exec());
  }

  async lookup({ users, rooms }: RouteQuestion): Promise<Routes> {
    const byBucket = new Map<string, string[]>();
    for (const user of new Set(users)) listIn(byBucket, this.bucketOf(user)).push(user);
    const uniqueRooms = [...new Set(rooms)];
    const pipeline = (await this.link.connected()).pipeline();
    for (const [bucket, keys] of byBucket) pipeline.hmget(bucket, ...keys);
    for (const room of uniqueRooms) pipeline.smembers(this.roomKey(room));
    // Gateways last: whoever wrote what was read above had written its own entry before.
    pipeline.time().hgetall(this.gateways.key);

    const answers = resultsOf(await pipeline.exec());
    const fields = answers.pop() as Record<string, string>;
    const gateways = this.gateways.seen(fields, answers.pop() as string[]);
    const found = new Found(livingRefs(gateways));
    for (const [bucket, keys] of byBucket) {
      const refs = answers.shift() as (string | null)[];
      for (const [i, user] of keys.entries()) found.take('user', user, bucket, refs[i]?.split('\n') ?? []);
    }
    for (const room of uniqueRooms) found.take('room', room, this.roomKey(room), answers.shift() as NodeRef[]);
    if (found.void.length > 0) void this.forget(found.void);
    return {
      gateways,
      users: users.map((user) => found.users.get(user)!),
      rooms: rooms.map((room) => found.rooms.get(room)!),
    };
  }

  /** When it fails the next reader tries again. */
  private async forget(entries: readonly VoidRefs[]): Promise<void> {
    try {
      const pipeline = (await this.link.connected()).pipeline();
      for (const { place, user, refs } of entries) {
        const nodes = refs.flatMap((ref) => [nodeIdOf(ref), String(incarnationOf(ref)), ref]);
        pipeline.skylarkForgetRefs(this.gateways.key, place, user, ...nodes);
      }
      await pipeline.exec();
    } catch {
      // Redis went away in between.
    }
  }

  private bucketOf(user: string): string {
    return `${this.prefix}u:${crc32(user) % buckets}`;
  }

  private roomKey(room: string): string {
    return `${this.prefix}r:{${room}}`;
  }
}

interface VoidRefs {
  /** The key that holds them. */
  place: string;
  /** Empty when the place is a room's. */
  user: string;
  refs: NodeRef[];
}

/** What a lookup found, the living and the void apart. */
class Found {
  readonly users = new Map<string, NodeRef[]>();
  readonly rooms = new Map<string, NodeRef[]>();
  readonly void: VoidRefs[] = [];

  constructor(private readonly living: ReadonlySet<NodeRef>) {}

  take(kind: 'user' | 'room', key: string, place: string, refs: readonly NodeRef[]): void {
    (kind === 'user' ? this.users : this.rooms).set(key, refs.filter((ref) => this.living.has(ref)).sort());
    const gone = refs.filter((ref) => !this.living.has(ref));
    if (gone.length > 0) this.void.push({ place, user: kind === 'user' ? key : '', refs: gone });
  }
}

function listIn(lists: Map<string, string[]>, key: string): string[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
