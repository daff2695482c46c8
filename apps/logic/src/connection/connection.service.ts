import { CodedError, channelKey, parseConnectionId, type Channel } from '@app/protocol';
import { nodeRef, type NodeSeen, type PresenceDirectory } from '@app/registry';
import { changeLabels, kick, listMembers, type ConnectionSeen } from '@app/rpc';
import { gather } from '../node/gather.js';
import { refOf, type Gateways } from '../node/gateways.js';
import type { ConnectionDetails, Kicked, LabelsResult, MemberSeen } from './connection.dto.js';

/** How many gateways are asked at once for one page. */
const widest = 8;
const defaultReason = 'kicked';

export interface Found<T> {
  items: T[];
  /** The next page comes after this connection; undefined when this one is the last. */
  next: string | undefined;
}

/** Asks the gateways about their connections, and has them change some. */
export class ConnectionService {
  constructor(
    private readonly presence: PresenceDirectory,
    private readonly gateways: Gateways,
    private readonly showsAddress: boolean,
  ) {}

  /** Connections in a room: gateway by gateway, at each in the order in which they came. @throws CodedError timeout */
  membersOf(app: string, room: string, limit: number, after?: string): Promise<Found<MemberSeen>> {
    return this.page(app, { kind: 'room', name: room }, limit, after);
  }

  /** Connections of a user, with labels and rooms, in the same order. @throws CodedError timeout */
  async connectionsOf(app: string, user: string, limit: number, after?: string): Promise<Found<ConnectionDetails>> {
    const { items, next } = await this.page(app, { kind: 'user', name: user }, limit, after);
    return { items: items as ConnectionDetails[], next };
  }

  /** @throws CodedError timeout: it may be gone, or not; asking again is safe. */
  async kick(app: string, connection: string, reason = defaultReason): Promise<Kicked> {
    const node = await this.nodeOf(connection);
    const kicked = node ? await this.kickAt(node, { app, connections: [connection], users: [], reason }) : [];
    const result = kicked.includes(connection) ? ('kicked' as const) : ('gone' as const);
    return { kicked: kicked.length, connections: [{ connection, result }] };
  }

  /** All connections that the user has now. @throws CodedError timeout: some may be gone; asking again is safe. */
  async kickUser(app: string, user: string, reason = defaultReason): Promise<Kicked> {
    const [gateways, routes] = await Promise.all([
      this.gateways.list(),
      this.gateways.fromRegistry(this.presence.lookup({ users: [channelKey(app, user)], rooms: [] })),
    ]);
    const where = gather(gateways, [user], () => routes.users[0] ?? []);
    const kicked = await Promise.all(
      [...where].map(([node, users]) => this.kickAt(node, { app, connections: [], users, reason })),
    );
    const connections = kicked.flat().map((connection) => ({ connection, result: 'kicked' as const }));
    return { kicked: connections.length, connections };
  }

  /** @throws CodedError timeout, too_many_targets when it would have too many */
  async relabel(
    app: string,
    connection: string,
    { set = {}, unset = [] }: { set?: Record<string, string>; unset?: string[] },
  ): Promise<LabelsResult> {
    const node = await this.nodeOf(connection);
    const changed = node && (await this.gateways.ask(node, changeLabels, { app, connection, set, unset }));
    if (changed?.result === 'refused') throw new CodedError(changed.code, changed.message);
    if (changed?.result !== 'changed') return { connection, result: 'gone' };
    return { connection, result: 'changed', labels: changed.labels };
  }

  private async kickAt(
    node: NodeSeen,
    who: { app: string; connections: string[]; users: string[]; reason: string },
  ): Promise<string[]> {
    return (await this.gateways.ask(node, kick, { ...who, why: 'kicked' })).kicked;
  }

  /** The gateway that an id names, unless it is gone or has begun anew. */
  private async nodeOf(connection: string): Promise<NodeSeen | undefined> {
    const ref = refOfConnection(connection);
    if (ref === undefined) return undefined;
    return (await this.gateways.list()).find((node) => refOf(node) === ref);
  }

  private async page(
    app: string,
    { kind, name }: { kind: 'user' | 'room'; name: string },
    limit: number,
    after: string | undefined,
  ): Promise<Found<MemberSeen>> {
    const channel: Channel = `${kind}:${name}`;
    const first = after === undefined ? '' : (refOfConnection(after) ?? '');
    const nodes = await this.nodesWith(app, kind, name, first);
    const items: MemberSeen[] = [];
    // One gateway mostly fills a page; where rooms are spread thinly, more are asked at once.
    for (let at = 0, width = 1; at < nodes.length; at += width, width = Math.min(2 * width, widest)) {
      const asked = nodes.slice(at, at + width);
      const wish = { app, channel, limit: limit - items.length, details: kind === 'user', address: this.showsAddress };
      const pages = await Promise.all(
        asked.map((node) =>
          this.gateways.ask(node, listMembers, { ...wish, after: refOf(node) === first ? after! : '' }),
        ),
      );
      for (const [i, { members, more }] of pages.entries()) {
        const room = limit - items.length;
        items.push(...members.slice(0, room).map((member) => seenAt(asked[i]!, member)));
        if (items.length < limit) continue;
        const isLast = !more && members.length <= room && at + i + 1 === nodes.length;
        return { items, next: isLast ? undefined : items.at(-1)!.connection };
      }
    }
    return { items, next: undefined };
  }

  /** Living gateways that hold the channel, from `first` on. */
  private async nodesWith(app: string, kind: 'user' | 'room', name: string, first: string): Promise<NodeSeen[]> {
    const keys = [channelKey(app, name)];
    const question = kind === 'user' ? { users: keys, rooms: [] } : { users: [], rooms: keys };
    const [gateways, { users, rooms }] = await Promise.all([
      this.gateways.list(),
      this.gateways.fromRegistry(this.presence.lookup(question)),
    ]);
    const refs = new Set(kind === 'user' ? users[0] : rooms[0]);
    return gateways
      .filter((node) => refs.has(refOf(node)) && refOf(node) >= first)
      .sort((a, b) => (refOf(a) < refOf(b) ? -1 : 1));
  }
}

function refOfConnection(connection: string): string | undefined {
  const id = parseConnectionId(connection);
  return id && nodeRef(id.node, id.incarnation);
}

function seenAt(node: NodeSeen, { connectedAtMs, ...seen }: ConnectionSeen): MemberSeen {
  return { ...seen, node: node.id, connectedAt: new Date(connectedAtMs).toISOString() };
}
