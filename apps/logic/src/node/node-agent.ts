import { backoffMs, type Clock, type Log, type Timer } from '@app/runtime';
import type { NodeDirectory, NodeEntry } from '@app/registry';

const renewMs = 1_000;
const leaseMs = 3_000;

/** Keeps this process in the registry, so that gateways find it. A registry that is away is asked again, for ever. */
export class NodeAgent {
  private incarnation: number | undefined;
  private timer: Timer | undefined;
  private renewing: Promise<void> = Promise.resolve();
  private failures = 0;
  private readonly startedAtMs: number;
  private closed = false;

  constructor(
    private readonly nodes: NodeDirectory,
    private readonly entry: Pick<NodeEntry, 'id' | 'host' | 'port'>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.startedAtMs = clock.now();
  }

  /** Resolves after the first try, whether it succeeded or not. */
  start(): Promise<void> {
    this.renewing = this.renew();
    return this.renewing;
  }

  /** Leaves the registry. Idempotent. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.timer?.stop();
    await this.renewing;
    if (this.incarnation === undefined) return;
    await this.nodes
      .remove('logic', this.entry.id, this.incarnation)
      .catch((error: unknown) => this.log.warn({ err: error }, 'could not leave the registry; the lease will end'));
  }

  private async renew(): Promise<void> {
    try {
      this.incarnation ??= await this.nodes.nextIncarnation('logic', this.entry.id);
      const { incarnation, startedAtMs } = this;
      const entry = { ...this.entry, ...unused, kind: 'logic' as const, incarnation, startedAtMs };
      // Ids are random, so another life of this id is one that we began ourselves and never heard of.
      if ((await this.nodes.renew(entry, leaseMs)) === 'superseded') this.incarnation = undefined;
      if (this.failures > 0) this.log.info({ failures: this.failures }, 'registry is back');
      this.failures = 0;
    } catch (error) {
      if (this.failures === 0) this.log.warn({ err: error }, 'registry is away');
      this.failures += 1;
    }
    if (this.closed) return;
    const waitMs = this.failures > 0 ? backoffMs(this.failures, 100, renewMs) : renewMs;
    this.timer = this.clock.after(waitMs, () => {
      this.renewing = this.renew();
    });
  }
}

/** What an entry says of gateways only. */
const unused = { address: '', region: '', state: 'serving', connections: 0, users: 0, rooms: 0 } as const;
