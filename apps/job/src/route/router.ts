import { Injectable } from '@nestjs/common';
import { channelKey, parseChannel, parseConnectionId, type Channel } from '@app/protocol';
import { nodeRef, PresenceDirectory, type NodeRef, type NodeSeen, type Routes } from '@app/registry';
import { LaneStates, type Routable, type Route } from './route.js';

/** Finds the nodes of records, a batch in one registry call. Devices, match and exclude never narrow it, or `prev` would lie. */
@Injectable()
export class Router {
  constructor(
    private readonly presence: PresenceDirectory,
    private readonly lanes: LaneStates,
  ) {}

  /** The way of each record, in order. Ask after the append to history, or a newcomer could miss a message in between. */
  async route(records: readonly Routable[]): Promise<Route[]> {
    const users = new Numbered();
    const rooms = new Numbered();
    for (const { app, targets } of records) {
      for (const { channel } of targets) {
        const parsed = parseChannel(channel);
        if (parsed?.kind === 'user') users.add(channelKey(app, parsed.name));
        else if (parsed?.kind === 'room') rooms.add(channelKey(app, parsed.name));
      }
    }
    const found = await this.presence.lookup({ users: users.keys, rooms: rooms.keys });
    const registry = new Registry(found, users, rooms);
    return records.map((record) => this.routeOf(record, registry));
  }

  private routeOf({ app, targets }: Routable, registry: Registry): Route {
    const route: Route = { nodes: new Map(), gone: 0, lost: 0 };
    targets.forEach(({ channel }, place) => {
      for (const found of registry.nodesOf(app, channel)) {
        if (found === 'gone') route.gone += 1;
        else if (found.node !== undefined && (found.node.leased || this.lanes.isUp(found.ref))) {
          const places = route.nodes.get(found.node);
          if (places) places.push(place);
          else route.nodes.set(found.node, [place]);
        } else if (channel !== 'all') route.lost += 1;
      }
    });
    return route;
  }
}

interface Found {
  ref: NodeRef;
  /** Undefined when the registry has no entry of it any more. */
  node: NodeSeen | undefined;
}

/** What the registry answered, by channel. */
class Registry {
  private readonly nodes: Map<NodeRef, NodeSeen>;
  private readonly everybody: Found[];

  constructor(
    private readonly found: Routes,
    private readonly users: Numbered,
    private readonly rooms: Numbered,
  ) {
    this.nodes = new Map(found.gateways.map((node) => [nodeRef(node.id, node.incarnation), node]));
    this.everybody = [...this.nodes].map(([ref, node]) => ({ ref, node }));
  }

  nodesOf(app: string, channel: Channel): readonly (Found | 'gone')[] {
    const parsed = parseChannel(channel);
    if (parsed?.kind === 'all') return this.everybody;
    if (parsed?.kind === 'user') return this.known(this.found.users[this.users.of(channelKey(app, parsed.name))]);
    if (parsed?.kind === 'room') return this.known(this.found.rooms[this.rooms.of(channelKey(app, parsed.name))]);
    const id = parsed && parseConnectionId(parsed.name);
    const ref = id && nodeRef(id.node, id.incarnation);
    const node = ref === undefined ? undefined : this.nodes.get(ref);
    return [ref === undefined || node === undefined ? 'gone' : { ref, node }];
  }

  private known(refs: readonly NodeRef[] = []): Found[] {
    return refs.map((ref) => ({ ref, node: this.nodes.get(ref) }));
  }
}

/** Each key once, with its place. */
class Numbered {
  private readonly places = new Map<string, number>();

  add(key: string): void {
    if (!this.places.has(key)) this.places.set(key, this.places.size);
  }

  of(key: string): number {
    return this.places.get(key) ?? -1;
  }

  get keys(): string[] {
    return [...this.places.keys()];
  }
}
