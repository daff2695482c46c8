import { CodedError, normalName } from '@app/protocol';
import type { Census, MembershipStore } from '@app/registry';
import type { ConnectionService } from '../connection/connection.service.js';
import type { Gateways } from '../node/gateways.js';
import type { Cursors } from '../rest/cursors.js';
import { defaultLimit } from '../rest/page.dto.js';
import type { RoomMembers, RoomSize, RoomsPage, RoomsQuery, RoomUsers } from './room-list.dto.js';

/** Which rooms there are and who is in them. */
export class RoomListService {
  constructor(
    private readonly census: Census,
    private readonly memberships: MembershipStore,
    private readonly gateways: Gateways,
    private readonly connections: ConnectionService,
    private readonly cursors: Cursors,
  ) {}

  /** @throws CodedError bad_cursor, unsupported_option, timeout */
  async rooms(app: string, query: RoomsQuery): Promise<RoomsPage> {
    const { limit = defaultLimit, cursor, prefix: asked = '', sort = 'name' } = query;
    if (sort === 'members') return this.largest(app, query);
    const prefix = normalName(asked) ?? '';
    const list = ['rooms', app, prefix];
    const after = this.cursors.read(list, cursor);
    const { items, next } = await this.gateways.fromRegistry(this.census.rooms(app, { prefix, after, limit }));
    return { rooms: items, ...(next !== undefined && { cursor: this.cursors.write(list, next) }) };
  }

  /** @throws CodedError timeout */
  async room(app: string, room: string): Promise<RoomSize> {
    const [members = 0] = await this.gateways.fromRegistry(this.census.sizes(app, [room]));
    return { room, members };
  }

  /** @throws CodedError bad_cursor, timeout */
  async members(
    app: string,
    room: string,
    { limit = defaultLimit, cursor }: { limit?: number; cursor?: string },
  ): Promise<RoomMembers> {
    const list = ['members of a room', app, room];
    const after = this.cursors.read(list, cursor);
    const { items, next } = await this.connections.membersOf(app, room, limit, after);
    return { room, members: items, ...(next !== undefined && { cursor: this.cursors.write(list, next) }) };
  }

  /** @throws CodedError bad_cursor, timeout */
  async users(
    app: string,
    room: string,
    { limit = defaultLimit, cursor }: { limit?: number; cursor?: string },
  ): Promise<RoomUsers> {
    const list = ['users of a room', app, room];
    const after = this.cursors.read(list, cursor);
    const { items, next } = await this.gateways.fromRegistry(this.memberships.members(app, room, { after, limit }));
    return { room, users: items, ...(next !== undefined && { cursor: this.cursors.write(list, next) }) };
  }

  private async largest(app: string, { limit = defaultLimit, cursor, prefix = '' }: RoomsQuery): Promise<RoomsPage> {
    if (cursor !== undefined || prefix !== '') {
      throw new CodedError('unsupported_option', 'sort=members takes limit only: the largest rooms of all.');
    }
    return { rooms: await this.gateways.fromRegistry(this.census.topRooms(app, limit)) };
  }
}
