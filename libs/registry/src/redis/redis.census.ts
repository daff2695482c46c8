import { setImmediate } from 'node:timers/promises';
import type { RedisLink } from '@app/runtime';
import { Census, type NamePage, type PageWish, type RoomReport, type RoomSize } from '../census.js';
import type { NodeRef, NodeSeen } from '../node-directory.js';
import { defineRegistryCommands, resultsOf } from './commands.js';
import { NodeTable } from './node-table.js';
import { PresenceKeys, splitKey } from './presence-keys.js';
import { VoidRefs } from './void-refs.js';

/** Commands between two breaths: neither Redis nor this process stands still for others. */
const chunk = 250;
/** How often the largest rooms are looked at again when void members stood among them. */
const maxLooks = 8;

/** Names in sorted sets, so that a page is a range; what is in them is checked against who lives. */
export class RedisCensus extends Census {
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

  async report(node: NodeRef, rooms: readonly RoomReport[]): Promise<boolean[]> {
    if (rooms.length === 0) return [];
    const pipeline = (await this.link.connected()).pipeline();
    for (const { key, members } of rooms) {
      const [app, room] = splitKey(key);
      pipeline.skylarkReport(this.keys.membersOf(key), this.keys.sizes(app), room, node, members);
    }
    return resultsOf(await pipeline.exec()).map((taken) => taken === 1);
  }

  async rooms(app: string, wish: PageWish): Promise<NamePage<RoomSize>> {
    const { items, next } = await this.page(this.keys.names(app), wish);
    const { members, found } = await this.membersOf(app, items);
    void found.forget(this.link);
    return { items: sized(items, members).filter((room) => room.members > 0), next };
  }

  async topRooms(app: string, limit: number): Promise<RoomSize[]> {
    for (let look = 1; ; look += 1) {
      const redis = await this.link.connected();
      const rooms = await redis.zrange(this.keys.sizes(app), 0, String(limit - 1));
      const { members, found } = await this.membersOf(app, rooms);
      const top = sized(rooms, members).filter((room) => room.members > 0);
      // With void members gone other rooms may be larger.
      if (!found.any || look === maxLooks) return top.sort((a, b) => b.members - a.members);
      await found.forget(this.link);
    }
  }

  async sizes(app: string, rooms: readonly string[]): Promise<number[]> {
    const { members, found } = await this.membersOf(app, rooms);
    void found.forget(this.link);
    return members;
  }

  async users(app: string, wish: PageWish): Promise<NamePage<string>> {
    const { items, next } = await this.page(this.keys.online(app), wish);
    const refs = await this.refsOf(items.map((user) => `${app}/${user}`));
    const found = await this.found();
    const online = items.filter((user, i) => found.keepLeased('user', `${app}/${user}`, refs[i]!).length > 0);
    void found.forget(this.link);
    return { items: online, next };
  }

  /** A range of names, void ones included. */
  private async page(key: string, { prefix = '', after, limit }: PageWish): Promise<NamePage<string>> {
    const isInside = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
    const from = isInside ? `(${after}` : `[${prefix}`;
    // No byte of UTF-8 is 0xff.
    const to = prefix === '' ? '+' : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.of(0xff)]);
    const redis = await this.link.connected();
    const names = await redis.zrangebylex(key, from, to, 'LIMIT', 0, limit + 1);
    const items = names.slice(0, limit);
    return { items, next: names.length > limit ? items.at(-1) : undefined };
  }

  private async refsOf(users: readonly string[]): Promise<NodeRef[][]> {
    const refs: NodeRef[][] = [];
    for (let at = 0; at < users.length; at += chunk) {
      if (at > 0) await setImmediate();
      const some = users.slice(at, at + chunk);
      const pipeline = (await this.link.connected()).pipeline();
      for (const user of some) pipeline.hget(this.keys.bucketOf(user), user);
      for (const lines of resultsOf(await pipeline.exec())) refs.push((lines as string | null)?.split('\n') ?? []);
    }
    return refs;
  }

  private async membersOf(app: string, rooms: readonly string[]): Promise<{ members: number[]; found: VoidRefs }> {
    const counts: Record<NodeRef, string>[] = [];
    for (let at = 0; at < rooms.length; at += chunk) {
      if (at > 0) await setImmediate();
      const pipeline = (await this.link.connected()).pipeline();
      for (const room of rooms.slice(at, at + chunk)) pipeline.hgetall(this.keys.membersOf(`${app}/${room}`));
      counts.push(...(resultsOf(await pipeline.exec()) as Record<NodeRef, string>[]));
    }
    const found = await this.found();
    const members = counts.map((ofRoom, i) => {
      const living = found.keepLeased('room', `${app}/${rooms[i]}`, Object.keys(ofRoom));
      return living.reduce((sum, ref) => sum + Number(ofRoom[ref]), 0);
    });
    return { members, found };
  }

  /** To be asked for after what it judges: whoever wrote that had written its own entry before. */
  private async found(): Promise<VoidRefs> {
    return new VoidRefs(await this.nodes(), this.keys, this.gateways.key);
  }

  private async nodes(): Promise<NodeSeen[]> {
    const pipeline = (await this.link.connected()).pipeline().time().hgetall(this.gateways.key);
    const [time, fields] = resultsOf(await pipeline.exec());
    return this.gateways.seen(fields as Record<string, string>, time as string[]);
  }
}

const sized = (rooms: readonly string[], members: readonly number[]): RoomSize[] =>
  rooms.map((room, i) => ({ room, members: members[i]! }));
