import type { NodeDirectory, NodeSeen } from '@app/registry';
import { nodeRef } from '@app/registry';
import {
  admit,
  mayJoin,
  refresh,
  replaced,
  RpcError,
  tellPresence,
  type Admission,
  type AdmissionRequest,
  type Contract,
  type PresenceReport,
  type PresenceTold,
  type RefreshRequest,
  type RoomAnswer,
  type RoomQuestion,
  type RpcClient,
} from '@app/rpc';
import type { Clock, Log, Timer } from '@app/runtime';

/** No logic answers: the newcomer is told to come back (HTTP 503). */
export class LogicUnavailableError extends Error {
  override readonly name = 'LogicUnavailableError';
}

/** What is needed of an RpcClient. */
export type LogicLink = Pick<RpcClient, 'call' | 'close'>;

interface Asking {
  request: AdmissionRequest;
  resolve: (admission: Admission) => void;
  reject: (error: unknown) => void;
}

const pollMs = 1_000;
const callTimeoutMs = 5_000;
const maxBatch = 256;

/** Asks logic, whichever node of it answers. Admissions of a tick travel together. */
export class LogicClient {
  private readonly links = new Map<string, LogicLink>();
  private nodes: NodeSeen[] = [];
  private looking: Promise<void> | undefined;
  private polling: Timer | undefined;
  private asking: Asking[] = [];
  private turn = 0;
  private trouble: string | undefined = 'logic: no node found yet';

  constructor(
    private readonly directory: NodeDirectory,
    private readonly connect: (node: NodeSeen) => LogicLink,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Looks for logic's nodes now, and about every second from now on. */
  async start(): Promise<void> {
    this.polling = this.clock.every(pollMs, () => void this.look());
    await this.look();
  }

  close(): void {
    this.polling?.stop();
    for (const link of this.links.values()) link.close();
    this.links.clear();
    this.nodes = [];
  }

  /** @throws LogicUnavailableError */
  admit(request: AdmissionRequest): Promise<Admission> {
    return new Promise((resolve, reject) => {
      if (this.asking.push({ request, resolve, reject }) === 1) setImmediate(() => this.sendAsked());
    });
  }

  /** @throws LogicUnavailableError */
  refresh(request: RefreshRequest): Promise<Admission> {
    return this.ask(refresh, request);
  }

  /** @throws LogicUnavailableError */
  mayJoin(question: RoomQuestion): Promise<RoomAnswer> {
    return this.ask(mayJoin, question);
  }

  /** @throws LogicUnavailableError, RpcError: some may have been told */
  tellPresence(reports: PresenceReport[]): Promise<PresenceTold> {
    return this.ask(tellPresence, reports);
  }

  /**
   * These connections lost their device to newer ones: logic has them closed where they are. Answers those that may be
   * open still. @throws LogicUnavailableError
   */
  async replaced(connections: string[]): Promise<string[]> {
    const { open = [] } = await this.ask(replaced, { connections });
    return open;
  }

  /** Undefined when some logic is there, else what is wrong. */
  problem(): string | undefined {
    return this.trouble;
  }

  private sendAsked(): void {
    const asked = this.asking;
    this.asking = [];
    for (let at = 0; at < asked.length; at += maxBatch) void this.send(asked.slice(at, at + maxBatch));
  }

  private async send(batch: Asking[]): Promise<void> {
    try {
      const requests = batch.map((asking) => asking.request);
      const admissions = await this.ask(admit, requests);
      if (admissions.length !== batch.length) throw new LogicUnavailableError('logic answered for others than asked');
      admissions.forEach((admission, i) => batch[i]!.resolve(admission));
    } catch (error) {
      for (const asking of batch) asking.reject(error);
    }
  }

  /** Asks one node after the other until one answers; none is asked twice. */
  private async ask<Request, Response>(contract: Contract<Request, Response>, request: Request): Promise<Response> {
    if (this.nodes.length === 0) await this.look();
    const first = (this.turn += 1);
    const nodes = this.nodes;
    for (let i = 0; i < nodes.length; i += 1) {
      const node = nodes[(first + i) % nodes.length]!;
      try {
        const answered = await this.linkTo(node).call(contract, request, callTimeoutMs);
        this.trouble = undefined;
        return answered;
      } catch (error) {
        this.log.warn({ err: error, node: node.id, pattern: contract.pattern }, 'logic did not answer');
        // A refusal of the call itself would be the same at the next node.
        if (error instanceof RpcError && error.failure === 'remote' && error.code !== 'internal') throw error;
        this.trouble = `logic: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    void this.look();
    throw new LogicUnavailableError(nodes.length === 0 ? 'no logic is running' : 'no logic answers');
  }

  private linkTo(node: NodeSeen): LogicLink {
    const ref = nodeRef(node.id, node.incarnation);
    let link = this.links.get(ref);
    if (!link) this.links.set(ref, (link = this.connect(node)));
    return link;
  }

  /** One look at a time. What was found stays when the registry is away. */
  private look(): Promise<void> {
    this.looking ??= this.find().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async find(): Promise<void> {
    try {
      const found = await this.directory.list('logic');
      const leased = found.filter((node) => node.leased);
      const serving = leased.filter((node) => node.state === 'serving');
      this.nodes = serving.length > 0 ? serving : leased;
      if (this.nodes.length === 0) this.trouble = 'logic: no node is running';
      else if (this.trouble?.startsWith('logic: no node')) this.trouble = undefined;
      const living = new Set(found.map((node) => nodeRef(node.id, node.incarnation)));
      for (const [ref, link] of this.links) {
        if (living.has(ref)) continue;
        link.close();
        this.links.delete(ref);
      }
    } catch (error) {
      this.log.debug({ err: error }, 'logic nodes not read');
      if (this.nodes.length === 0) this.trouble = 'logic: no node found, the registry does not answer';
    }
  }
}
