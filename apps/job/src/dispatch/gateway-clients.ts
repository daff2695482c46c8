import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { DeliveryAck, DeliveryBatch } from '@app/protocol/wires';
import { nodeRef, type NodeRef, type NodeSeen } from '@app/registry';
import { deliver, RpcClient, type RpcTls } from '@app/rpc';
import { Log } from '@app/runtime';
import { LaneStates } from '../route/route.js';

/** One connection to one incarnation of a gateway. */
export interface GatewayLink {
  /**
   * Hands a batch over; answered after the flush of the tick that took it.
   * @throws RpcError when there was no answer within `timeoutMs`; the batch may have been taken.
   */
  deliver(batch: DeliveryBatch, timeoutMs: number): Promise<DeliveryAck>;
}

/** The connections to gateways: one each, shared by the lanes of all shards. */
@Injectable()
export class GatewayClients extends LaneStates implements OnModuleDestroy {
  private readonly clients = new Map<NodeRef, { client: RpcClient; users: number }>();

  private onDown: (node: NodeRef) => void = () => {};

  constructor(
    private readonly secret: string,
    private readonly log: Log,
    private readonly tls?: RpcTls,
  ) {
    super();
  }

  isUp(node: NodeRef): boolean {
    return this.clients.get(node)?.client.isUp ?? false;
  }

  /** Calls back each time the connection to a node is lost. */
  whenDown(callback: (node: NodeRef) => void): void {
    this.onDown = callback;
  }

  /** The link to a node. Give it back with {@link release}. */
  use(node: NodeSeen): GatewayLink {
    const ref = nodeRef(node.id, node.incarnation);
    let entry = this.clients.get(ref);
    if (!entry) {
      const { host, port } = node;
      entry = { client: new RpcClient({ host, port, secret: this.secret, tls: this.tls, log: this.log }), users: 0 };
      entry.client.onDown(() => {
        this.onDown(ref);
        this.forgetUnused(ref);
      });
      this.clients.set(ref, entry);
    }
    entry.users += 1;
    const { client } = entry;
    return { deliver: (batch, timeoutMs) => client.call(deliver, batch, timeoutMs) };
  }

  /** A connection that is up stays for the next lane; one that is down goes with its last user. */
  release(ref: NodeRef): void {
    const entry = this.clients.get(ref);
    if (!entry) return;
    entry.users -= 1;
    if (!entry.client.isUp) this.forgetUnused(ref);
  }

  onModuleDestroy(): void {
    for (const { client } of this.clients.values()) client.close();
    this.clients.clear();
  }

  private forgetUnused(ref: NodeRef): void {
    const entry = this.clients.get(ref);
    if (!entry || entry.users > 0) return;
    this.clients.delete(ref);
    entry.client.close();
  }
}
