import { CodedError, channelKey, parseConnectionId } from '@app/protocol';
import { nodeRef, type MembershipStore, type NodeSeen, type PresenceDirectory } from '@app/registry';
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

/** Of the answers of the store and of several gateways for one user the first of these holds. */
const strongest: readonly MemberOutcome[] = ['joined', 'left', 'already', 'absent', 'full'];

/** Changes who is in a room: users to stay, in the store and at the gateways that hold them; connections while they last. */
export class RoomService {
  constructor(
    private readonly memberships: MembershipStore,
    private readonly presence: PresenceDirectory,
    private readonly gateways: Gateways,
    private readonly limits: { maxTargets: number; maxRooms: number },
  ) {}

  /**
   * What became of each, in the order asked. Doing it again changes nothing.
   * @throws CodedError too_many_targets, or timeout when a gateway or the registry does not answer: some may have been
   * changed, and doing it again finishes it
   */
  async change(app: string, room: string, action: Action, members: Members): Promise<MemberResult[]> {
    const { connections = [], users = [] } = members;
    const { maxTargets } = this.limits;
    if (connections.length + users.length > maxTargets) {
      throw new CodedError('too_many_targets', `${maxTargets} members are the most in one call.`);
    }
    const outcomes =
      users.length > 0
        ? await this.changeUsers(app, room, action, [...new Set(users)])
        : await this.changeConnections(app, room, action, [...new Set(connections)]);
    const outcomeOf = (name: string) => outcomes.get(name) ?? 'gone';
    return [
      ...connections.map((connection) => ({ connection, result: outcomeOf(connection) })),
      ...users.map((user) => ({ user, result: outcomeOf(user) })),
    ];
  }

  /**
   * The store first, then the gateways: a connection that comes meanwhile is found there, or reads what was stored. Somebody
   * may say the opposite at the same time, and a gateway hear us in another order than the store: what that says holds.
   */
  private async changeUsers(app: string, room: string, action: Action, users: string[]): Promise<Outcomes> {
    const kept = await this.gateways.fromRegistry(this.keep(app, room, action, users));
    const there = users.filter((_, i) => kept[i] !== 'full');
    const told = await this.tell(app, room, action, there);
    let [said, heard] = [action, [...told.keys()]];
    while (heard.length > 0) {
      const isIn = await this.gateways.fromRegistry(this.memberships.has(app, room, heard));
      heard = heard.filter((_, i) => isIn[i] !== (said === 'join'));
      said = said === 'join' ? 'leave' : 'join';
      if (heard.length > 0) await this.tell(app, room, said, heard);
    }
    return new Map(users.map((user, i) => [user, strongestOf([kept[i]!, told.get(user)])]));
  }

  private keep(app: string, room: string, action: Action, users: string[]): Promise<MemberOutcome[]> {
    const { memberships, limits } = this;
    return action === 'join'
      ? memberships.add(app, room, users, limits.maxRooms)
      : memberships.remove(app, room, users);
  }

  /** Of those who are online. */
  private async tell(app: string, room: string, action: Action, users: string[]): Promise<Outcomes> {
    const where = await this.whereUsersAre(app, users);
    return this.ask(where, async (node, here) => {
      const change = { app, room, action, connections: [], users: here };
      return (await this.gateways.ask(node, changeRooms, change)).users;
    });
  }

  private async changeConnections(app: string, room: string, action: Action, connections: string[]): Promise<Outcomes> {
    const where = await this.whereConnectionsAre(connections);
    return this.ask(where, async (node, here) => {
      const change = { app, room, action, connections: here, users: [] };
      return (await this.gateways.ask(node, changeRooms, change)).connections;
    });
  }

  private async ask(
    where: ReadonlyMap<NodeSeen, string[]>,
    change: (node: NodeSeen, names: string[]) => Promise<MemberOutcome[]>,
  ): Promise<Outcomes> {
    const outcomes = new Map<string, MemberOutcome>();
    await Promise.all(
      [...where].map(async ([node, names]) => {
        for (const [i, outcome] of (await change(node, names)).entries())
          outcomes.set(names[i]!, strongestOf([outcome, outcomes.get(names[i]!)]));
      }),
    );
    return outcomes;
  }

  private async whereUsersAre(app: string, users: readonly string[]): Promise<Map<NodeSeen, string[]>> {
    const question = { users: users.map((user) => channelKey(app, user)), rooms: [] };
    const [gateways, routes] = await Promise.all([
      this.gateways.list(),
      this.gateways.fromRegistry(this.presence.lookup(question)),
    ]);
    return gather(gateways, users, (_user, i) => routes.users[i] ?? []);
  }

  /** A connection's id says where it is; one of an earlier life of its node is gone. */
  private async whereConnectionsAre(connections: readonly string[]): Promise<Map<NodeSeen, string[]>> {
    return gather(await this.gateways.list(), connections, (connection) => {
      const id = parseConnectionId(connection);
      return id === undefined ? [] : [nodeRef(id.node, id.incarnation)];
    });
  }
}

type Outcomes = ReadonlyMap<string, MemberOutcome>;

const strongestOf = (outcomes: readonly (MemberOutcome | undefined)[]): MemberOutcome =>
  strongest.find((outcome) => outcomes.includes(outcome)) ?? 'gone';
