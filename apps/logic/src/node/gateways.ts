import { CodedError } from '@app/protocol';
import { nodeRef, type NodeDirectory, type NodeEntry, type NodeRef, type NodeSeen } from '@app/registry';
import { RpcClient, RpcError, type Contract, type RpcTls } from '@app/rpc';
import type { Log } from '@app/runtime';

/** How long a gateway may take to answer before the caller is told to try again. */
const answerMs = 3_000;

/** The gateways there are, and one RPC connection to each that was ever asked something. */
export class Gateways {
  private readonly clients = new Map<NodeRef, RpcClient>();

  constructor(
    private readonly nodes: NodeDirectory,
    private readonly secret: string,
    private readonly log: Log,
    private readonly tls?: RpcTls,
  ) {}

  /**
   * Gateways that live: their lease runs, or we are connected to them.
   * @throws CodedError timeout when the registry does not answer
   */
  async list(): Promise<NodeSeen[]> {
    return (await this.standing()).filter((node) => node.leased || this.clients.get(refOf(node))?.isUp);
  }

  /**
   * All that stand in the registry, those whose lease ran out a short while ago included; connections to others are closed.
   * @throws CodedError timeout when the registry does not answer
   */
  async standing(): Promise<NodeSeen[]> {
    const standing = await this.fromRegistry(this.nodes.list('gateway'));
    const refs = new Set(standing.map(refOf));
    for (const [ref, client] of this.clients) {
      if (refs.has(ref)) continue;
      client.close();
      this.clients.delete(ref);
    }
    return standing;
  }

  /** @throws CodedError timeout when the gateway does not answer, or not in time; it may have done what was asked. */
  async ask<Request, Response>(
    node: NodeEntry,
    contract: Contract<Request, Response>,
    request: Request,
  ): Promise<Response> {
    try {
      return await this.clientOf(node).call(contract, request, answerMs);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.log.warn({ err: error, node: node.id, pattern: contract.pattern }, 'gateway does not answer');
      throw new CodedError('timeout', `Gateway ${node.id} did not answer; asking again is safe.`);
    }
  }

  /** @throws CodedError timeout when the registry does not answer */
  async fromRegistry<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      this.log.warn({ err: error }, 'registry does not answer');
      throw new CodedError('timeout', 'The registry does not answer now; asking again is safe.');
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }

  private clientOf(node: NodeEntry): RpcClient {
    const ref = refOf(node);
    const { host, port } = node;
    let client = this.clients.get(ref);
    if (client === undefined) {
      client = new RpcClient({ host, port, secret: this.secret, tls: this.tls, log: this.log });
      this.clients.set(ref, client);
    }
    return client;
  }
}

export const refOf = (node: Pick<NodeEntry, 'id' | 'incarnation'>): NodeRef => nodeRef(node.id, node.incarnation);
