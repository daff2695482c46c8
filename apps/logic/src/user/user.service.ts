import { channelKey, userChannel } from '@app/protocol';
import type { Registry } from '@app/registry';
import { countMembers } from '@app/rpc';
import type { ConnectionService } from '../connection/connection.service.js';
import { gather } from '../node/gather.js';
import type { Gateways } from '../node/gateways.js';
import type { Cursors } from '../rest/cursors.js';
import { defaultLimit } from '../rest/page.dto.js';
import {
  maxConnectionsPage,
  type UserConnections,
  type UserRooms,
  type UsersOnline,
  type UsersPage,
} from './user.dto.js';

interface Page {
  limit?: number;
  cursor?: string;
}

/** Who is online, and who is to stay where. */
export class UserService {
  constructor(
    private readonly registry: Pick<Registry, 'census' | 'presence' | 'memberships'>,
    private readonly gateways: Gateways,
    private readonly connections: ConnectionService,
    private readonly cursors: Cursors,
  ) {}

  /** @throws CodedError bad_cursor, timeout */
  async online(app: string, { limit = defaultLimit, cursor }: Page): Promise<UsersPage> {
    const list = ['users', app];
    const after = this.cursors.read(list, cursor);
    const { items, next } = await this.gateways.fromRegistry(this.registry.census.users(app, { after, limit }));
    return { users: items, ...(next !== undefined && { cursor: this.cursors.write(list, next) }) };
  }

  /** @throws CodedError bad_cursor, timeout */
  async connectionsOf(
    app: string,
    user: string,
    { limit = maxConnectionsPage, cursor }: Page,
  ): Promise<UserConnections> {
    const list = ['connections of a user', app, user];
    const after = this.cursors.read(list, cursor);
    const { items, next } = await this.connections.connectionsOf(app, user, limit, after);
    return { user, connections: items, ...(next !== undefined && { cursor: this.cursors.write(list, next) }) };
  }

  /** @throws CodedError timeout */
  async roomsOf(app: string, user: string): Promise<UserRooms> {
    const [rooms] = await this.gateways.fromRegistry(this.registry.memberships.roomsOf([channelKey(app, user)]));
    return { user, rooms: rooms! };
  }

  /** Each user once, in the order asked. @throws CodedError timeout */
  async count(app: string, users: readonly string[]): Promise<UsersOnline> {
    const once = [...new Set(users)];
    const question = { users: once.map((user) => channelKey(app, user)), rooms: [] };
    const [gateways, routes] = await Promise.all([
      this.gateways.list(),
      this.gateways.fromRegistry(this.registry.presence.lookup(question)),
    ]);
    const where = gather(gateways, once, (_user, i) => routes.users[i] ?? []);
    const counted = new Map(once.map((user) => [user, 0]));
    await Promise.all(
      [...where].map(async ([node, here]) => {
        const { counts } = await this.gateways.ask(node, countMembers, { app, channels: here.map(userChannel) });
        for (const [i, user] of here.entries()) counted.set(user, counted.get(user)! + (counts[i] ?? 0));
      }),
    );
    return { online: Object.fromEntries(counted) };
  }
}
