import { isIPv6, type BlockList } from 'node:net';
import { CodedError } from '@app/protocol';
import type { NodeSeen } from '@app/registry';
import { countApp } from '@app/rpc';
import type { Gateways } from './gateways.js';
import type { GatewayNode, GatewayNodes, NodeLoad, Online } from './node.dto.js';

const backoff = { minMs: 500, maxMs: 30_000 };
/** A full one may have room soon; one that drains comes back as another, if at all. */
const retryAfterMs = { full: 5_000, draining: 30_000 };

/** Where clients of some networks are. */
export interface RegionNetworks {
  region: string;
  addresses: BlockList;
}

/** What the gateways say of themselves. */
export class NodeService {
  constructor(
    private readonly gateways: Gateways,
    private readonly networks: readonly RegionNetworks[] = [],
  ) {}

  /** Of one app, or of all. @throws CodedError timeout */
  async online(app?: string): Promise<Online> {
    const seen = await this.gateways.list();
    const nodes = (await Promise.all(seen.map((node) => this.countedFor(node, app)))).map(loadOf);
    const total = (count: 'connections' | 'users' | 'rooms') => nodes.reduce((sum, node) => sum + node[count], 0);
    return { connections: total('connections'), users: total('users'), rooms: total('rooms'), nodes };
  }

  /**
   * Best by their whole load, whoever asks; for an app with the numbers of that app only.
   * @throws CodedError unsupported_option, timeout
   */
  async best(wish: { region?: string; ip?: string }, app?: string): Promise<GatewayNodes> {
    const region = wish.region ?? (wish.ip === undefined ? undefined : this.regionOf(wish.ip));
    const nodes = await this.gateways.list();
    const worse = (node: NodeSeen) =>
      (node.state === 'draining' ? 4 : isFull(node) ? 2 : 0) + (node.region === (region ?? node.region) ? 0 : 1);
    nodes.sort((a, b) => worse(a) - worse(b) || a.connections - b.connections);
    const shown = nodes.map(async (node) => Object.assign(gatewayOf(node), loadOf(await this.countedFor(node, app))));
    return { nodes: await Promise.all(shown), backoff };
  }

  /** The node as one app may see it. */
  private async countedFor(node: NodeSeen, app: string | undefined): Promise<NodeSeen> {
    return app === undefined ? node : { ...node, ...(await this.gateways.ask(node, countApp, { app })) };
  }

  /** Undefined for an address of no region. */
  private regionOf(ip: string): string | undefined {
    if (this.networks.length === 0) {
      throw new CodedError('unsupported_option', 'ip: REGION_NETWORKS says of no network where it is; name a region.');
    }
    const family = isIPv6(ip) ? 'ipv6' : 'ipv4';
    return this.networks.find(({ addresses }) => addresses.check(ip, family))?.region;
  }
}

const loadOf = ({ id, state, connections, users, rooms }: NodeSeen): NodeLoad => ({
  id,
  state,
  connections,
  users,
  rooms,
});

const isFull = ({ connections, maxConnections }: NodeSeen): boolean => connections >= (maxConnections ?? Infinity);

const gatewayOf = (node: NodeSeen): GatewayNode => ({
  id: node.id,
  state: node.state,
  connections: node.connections,
  users: node.users,
  rooms: node.rooms,
  address: node.address,
  region: node.region,
  full: isFull(node),
  retryAfterMs: node.state === 'draining' ? retryAfterMs.draining : isFull(node) ? retryAfterMs.full : 0,
});
