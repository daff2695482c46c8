import { CodedError } from '@app/protocol';
import type { NodeSeen } from '@app/registry';
import type { Gateways } from './gateways.js';
import type { GatewayNode, GatewayNodes, NodeLoad, Online } from './node.dto.js';

const backoff = { minMs: 500, maxMs: 30_000 };

/** What the gateways say of themselves. */
export class NodeService {
  constructor(private readonly gateways: Gateways) {}

  async online(): Promise<Online> {
    const nodes = (await this.gateways.list()).map(loadOf);
    const total = (count: 'connections' | 'users' | 'rooms') => nodes.reduce((sum, node) => sum + node[count], 0);
    return { connections: total('connections'), users: total('users'), rooms: total('rooms'), nodes };
  }

  /** @throws CodedError unsupported_option */
  async best(wish: { region?: string; ip?: string }): Promise<GatewayNodes> {
    if (wish.ip !== undefined) throw new CodedError('unsupported_option', 'ip is not supported yet; name a region.');
    const nodes = await this.gateways.list();
    const worse = (node: NodeSeen) =>
      (node.state === 'serving' ? 0 : 2) + (node.region === (wish.region ?? node.region) ? 0 : 1);
    nodes.sort((a, b) => worse(a) - worse(b) || a.connections - b.connections);
    return { nodes: nodes.map(gatewayOf), backoff };
  }
}

const loadOf = ({ id, state, connections, users, rooms }: NodeSeen): NodeLoad => ({
  id,
  state,
  connections,
  users,
  rooms,
});

const gatewayOf = ({ id, address, region, state, connections, users, rooms }: NodeSeen): GatewayNode => ({
  id,
  address,
  region,
  state,
  connections,
  users,
  rooms,
});
