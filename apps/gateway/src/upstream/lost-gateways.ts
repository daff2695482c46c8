import { nodeRef, type NodeDirectory, type NodeRef } from '@app/registry';
import type { Clock, Log, Timer } from '@app/runtime';

const pollMs = 1_000;

/** Notices that another gateway is gone: it left the registry, or its lease ran out. What is not read is no loss. */
export class LostGateways {
  private standing = new Set<NodeRef>();
  private timer: Timer | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly nodes: Pick<NodeDirectory, 'list'>,
    /** Without somebody who cares the registry is not asked. */
    private readonly isWanted: () => boolean,
    private readonly lost: (gateway: NodeRef) => void,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  start(): void {
    this.timer = this.clock.every(pollMs, () => void this.look());
  }

  stop(): void {
    this.timer?.stop();
  }

  /** Never rejects. */
  look(): Promise<void> {
    if (!this.isWanted()) this.standing.clear();
    else this.looking ??= this.compare().finally(() => (this.looking = undefined));
    return this.looking ?? Promise.resolve();
  }

  private async compare(): Promise<void> {
    try {
      const leased = (await this.nodes.list('gateway')).filter((node) => node.leased);
      const now = new Set(leased.map((node) => nodeRef(node.id, node.incarnation)));
      const gone = [...this.standing].filter((ref) => !now.has(ref));
      this.standing = now;
      for (const ref of gone) this.lost(ref);
    } catch (error) {
      this.log.debug({ err: error }, 'gateways not read');
    }
  }
}
