import { CodedError, channelKey, parseConnectionId } from '@app/protocol';
import { nodeRef, type NodeSeen, type PresenceDirectory } from '@app/registry';
import { changeRooms, type MemberOutcome } from '@app/rpc';
import { gather } from '../node/gather.js';
import type { Gateways } from '../node/gateways.js';
import type { MemberResult } from './room.dto.js';

export interface Members {
  connections?: readonly string[];
  /** In normal form. */
  users?: readonly string[];
}

type Action = 'join' | 'leave';

/** Of the answers of several gateways for one user the first of these holds. */
const strongest: readonly MemberOutcome[] = ['joined', 'left', 'already', 'absent', 'full'];

/** Changes who is in a room, at the gateways that hold the connections. */
export class RoomService {
  constructor(
    private readonly presence: PresenceDirectory,
    private readonly gateways: Gateways,
    private readonly maxTargets: number,
  ) {}

  /**
   * What became of each, in the order asked. Doing it again changes nothing.
   * @throws CodedError too_many_targets, or timeout when a gateway or the registry does not answer
   */
  async change(app: string, room: string, action: Action, members: Members): Promise<MemberResult[]> {
    const { connections = [], users = [] } = members;
    if (connections.length + users.length > this.maxTargets) {
      throw new CodedError('too_many_targets', `${this.maxTargets} members are the most in one call.`);
    }
    const where = users.length > 0 ? await this.whereUsersAre(app, users) : await this.whereConnectionsAre(connections);
    const answers = await Promise.all(
      [...where].map(async ([node, names]) => {
        const there = users.length > 0 ? { connections: [], users: names } : { connections: names, users: [] };
        const changed = await this.gateways.ask(node, changeRooms, { app, room, action, ...there });
        const outcomes = users.length > 0 ? changed.users : changed.connections;
        return new Map(names.map((name, i) => [name, outcomes[i]]));
      }),
    );
    const outcomeOf = (name: string): MemberOutcome =>
      strongest.find((outcome) => answers.some((answer) => answer.get(name) === outcome)) ?? 'gone';
    return [
      ...connections.map((connection) => ({ connection, result: outcomeOf(connection) })),
      ...users.map((user) => ({ user, result: outcomeOf(user) })),
    ];
  }

  private async whereUsersAre(app: string, users: readonly string[]): Promise<Map<NodeSeen, string[]>> {
    const once = [...new Set(users)];
    const question = { users: once.map((user) => channelKey(app, user)), rooms: [] };
    const [gateways, routes] = await Promise.all([
      this.gateways.list(),
      this.gateways.fromRegistry(this.presence.lookup(question)),
    ]);
    return gather(gateways, once, (_user, i) => routes.users[i] ?? []);
  }

  /** A connection's id says where it is; one of an earlier life of its node is gone. */
  private async whereConnectionsAre(connections: readonly string[]): Promise<Map<NodeSeen, string[]>> {
    return gather(await this.gateways.list(), [...new Set(connections)], (connection) => {
      const id = parseConnectionId(connection);
      return id === undefined ? [] : [nodeRef(id.node, id.incarnation)];
    });
  }
}
