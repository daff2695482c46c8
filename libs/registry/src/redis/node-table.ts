import type { RedisLink } from '@app/runtime';
import type { NodeEntry, NodeKind, NodeSeen } from '../node-directory.js';
import { leasesUntilForgotten } from '../node-ref.js';

interface Overdue {
  id: string;
  incarnation: number;
  leaseEndsMs: number;
}

/** The hash of one kind of node, as readers see it. */
export class NodeTable {
  readonly key: string;

  constructor(
    private readonly link: RedisLink,
    prefix: string,
    kind: NodeKind,
  ) {
    this.key = `${prefix}nodes:${kind}`;
  }

  /**
   * What HGETALL and TIME answered, by id. Entries whose lease ran out long ago are left out and removed, unless this
   * connection is younger than their lease: after an outage nobody could renew, and nobody is judged for it. For so long
   * after one that this process saw, all leases are taken to run.
   */
  seen(fields: Record<string, string>, time: readonly (string | number)[]): NodeSeen[] {
    const nowMs = Number(time[0]) * 1_000 + Number(time[1]) / 1_000;
    const connectedMs = performance.now() - (this.link.readySinceMs ?? Infinity);
    const backMs = performance.now() - (this.link.backSinceMs ?? -Infinity);
    const nodes: NodeSeen[] = [];
    const overdue: Overdue[] = [];
    for (const [id, packed] of Object.entries(fields)) {
      const { entry, leaseEndsMs, leaseMs } = unpackNode(packed);
      const isOverdue = leaseEndsMs + leasesUntilForgotten * leaseMs <= nowMs && connectedMs >= leaseMs;
      if (isOverdue) overdue.push({ id, incarnation: entry.incarnation, leaseEndsMs });
      else nodes.push({ ...entry, leased: leaseEndsMs > nowMs || backMs < leaseMs });
    }
    if (overdue.length > 0) void this.forget(overdue);
    return nodes.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Whoever has renewed since stays. When it fails the next reader tries again. */
  private async forget(overdue: readonly Overdue[]): Promise<void> {
    try {
      const pipeline = (await this.link.connected()).pipeline();
      for (const { id, incarnation, leaseEndsMs } of overdue) {
        pipeline.skylarkRemove(this.key, id, incarnation, leaseEndsMs);
      }
      await pipeline.exec();
    } catch {
      // Redis went away in between.
    }
  }
}

function unpackNode(packed: string): { entry: NodeEntry; leaseEndsMs: number; leaseMs: number } {
  const [, leaseEndsMs, leaseMs] = packed.split(' ', 3).map(Number);
  return {
    entry: JSON.parse(packed.slice(packed.indexOf('{'))) as NodeEntry,
    leaseEndsMs: leaseEndsMs!,
    leaseMs: leaseMs!,
  };
}
