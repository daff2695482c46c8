import { nodeRef, type NodeDirectory, type NodeEntry, type NodeRef } from '@app/registry';
import { backoffMs, type Clock, type Log, type Timer } from '@app/runtime';
import type { ChannelTable } from '../room/channel-table.js';
import type { SessionTable } from '../session/session-table.js';

export interface NodeSettings {
  id: string;
  region: string;
  leaseMs: number;
  maxConnections: number;
}

/** Where others reach this node. */
export interface NodeEndpoint {
  /** RPC. */
  host: string;
  port: number;
  /** Where clients connect, `ws://host:port/connect`. */
  address: string;
}

export interface NodeEvents {
  /** The registry may have lost this node's entry, and with it everything this node had written. */
  onMissing(): void;
  /** A later process has this node's id: this one must end. */
  onSuperseded(): void;
}

/** The life of this node in the registry: one incarnation, one lease. */
export class NodeAgent {
  private endpoint: NodeEndpoint | undefined;
  private incarnation = 0;
  private state: NodeEntry['state'] = 'serving';
  private startedAtMs = 0;
  private failures = 0;
  private hasEntry = false;
  /** A renewal failed, and may have been made all the same: that the entry was missing is an answer that we never had. */
  private isInDoubt = false;
  private isOver = false;
  private timer: Timer | undefined;
  private turn: Promise<void> = Promise.resolve();
  private trouble: string | undefined = 'registry: this node is not registered yet';

  constructor(
    private readonly directory: NodeDirectory,
    private readonly sessions: SessionTable,
    private readonly channels: ChannelTable,
    private readonly settings: NodeSettings,
    private readonly events: NodeEvents,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  get id(): string {
    return this.settings.id;
  }

  /** This life of this node, as others name it. */
  get ref(): NodeRef {
    return nodeRef(this.settings.id, this.incarnation);
  }

  /** Resolves once the node stands in the registry, which is waited for with backoff. No client may come in before. */
  start(endpoint: NodeEndpoint): Promise<void> {
    this.endpoint = endpoint;
    this.startedAtMs = this.clock.now();
    return new Promise((resolve) => void this.beat(resolve));
  }

  /** No longer offered to newcomers, still routed to. Resolves when the registry knows, or cannot be told. */
  drain(): Promise<void> {
    this.state = 'draining';
    return this.next();
  }

  /** Takes the entry away: the last thing this node does. */
  async leave(): Promise<void> {
    this.isOver = true;
    this.timer?.stop();
    await this.turn;
    if (this.incarnation === 0) return;
    try {
      await this.directory.remove('gateway', this.settings.id, this.incarnation);
    } catch (error) {
      this.log.warn({ err: error }, 'not removed from the registry; the lease will run out');
    }
  }

  /** Undefined while the lease is renewed, else what is wrong. */
  problem(): string | undefined {
    return this.trouble;
  }

  /** Renews now and again when it is time, sooner after a failure. */
  private async beat(registered?: () => void): Promise<void> {
    await this.next();
    if (this.isOver) return;
    const isRegistered = this.failures === 0;
    if (isRegistered) registered?.();
    const third = this.settings.leaseMs / 3;
    const pauseMs = isRegistered ? third : backoffMs(this.failures, 50, third);
    this.timer = this.clock.after(pauseMs, () => void this.beat(isRegistered ? undefined : registered));
  }

  /** One renewal after the other, so that the last one says what is so. */
  private next(): Promise<void> {
    this.turn = this.turn.then(() => (this.isOver ? undefined : this.renew()));
    return this.turn;
  }

  private async renew(): Promise<void> {
    try {
      if (this.incarnation === 0) await this.beBorn();
      const outcome = await this.directory.renew(this.entry(), this.settings.leaseMs);
      this.failures = 0;
      this.trouble = undefined;
      if (outcome === 'superseded') this.superseded();
      else if (this.hasEntry && (outcome === 'missing' || this.isInDoubt)) {
        this.log.warn({ node: this.ref, outcome }, 'the registry may have lost this node, writing everything again');
        this.events.onMissing();
      }
      this.hasEntry = true;
      this.isInDoubt = false;
    } catch (error) {
      this.failures += 1;
      this.isInDoubt = true;
      this.trouble = `registry: ${error instanceof Error ? error.message : String(error)}`;
      this.log.warn({ err: error, failures: this.failures }, 'lease not renewed, trying again');
    }
  }

  private async beBorn(): Promise<void> {
    this.incarnation = await this.directory.nextIncarnation('gateway', this.settings.id);
    this.sessions.identify(this.settings.id, this.incarnation);
    this.log.info({ node: this.ref }, 'incarnation drawn');
  }

  private superseded(): void {
    this.isOver = true;
    this.trouble = `another process runs as NODE_ID=${this.settings.id}: this one ends`;
    this.log.error({ node: this.ref }, this.trouble);
    this.events.onSuperseded();
  }

  private entry(): NodeEntry {
    let users = 0;
    let rooms = 0;
    for (const { channel } of this.channels) {
      if (channel.startsWith('user:')) users += 1;
      else if (channel.startsWith('room:')) rooms += 1;
    }
    return {
      kind: 'gateway',
      id: this.settings.id,
      incarnation: this.incarnation,
      ...this.endpoint!,
      region: this.settings.region,
      state: this.state,
      connections: this.sessions.size,
      maxConnections: this.settings.maxConnections,
      users,
      rooms,
      startedAtMs: this.startedAtMs,
    };
  }
}
