import { Injectable } from '@nestjs/common';
import { NodeDirectory, nodeRef, type NodeRef, type NodeSeen } from '@app/registry';
import { Clock, Log } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import type { ShardRun } from '../shard/shard-run.js';
import { anyNode } from '../shard/commit-note.js';
import { ShardRuns } from '../shard/shard-runs.js';
import { GatewayClients } from './gateway-clients.js';
import { Lane, type LaneParts, type LaneSettings } from './lane.js';

/** What the lanes of all shards stand on. */
@Injectable()
export class LaneGround {
  constructor(
    readonly settings: LaneSettings,
    readonly clock: Clock,
    readonly metrics: JobMetrics,
    readonly log: Log,
  ) {}
}

/** All lanes: one per shard of ours and living gateway that something was pushed to. */
@Injectable()
export class Lanes {
  private readonly byRun = new Map<ShardRun, Map<NodeRef, Lane>>();
  private readonly parts: LaneParts;

  constructor(
    ground: LaneGround,
    private readonly clients: GatewayClients,
    private readonly nodes: NodeDirectory,
    runs: ShardRuns,
  ) {
    const { settings, clock, metrics, log } = ground;
    this.parts = {
      settings,
      clock,
      metrics,
      log,
      isDead: (node) => this.isDead(node),
      renew: (run) => runs.renew(run),
      onEnd: (lane) => this.forget(lane),
    };
    clients.whenDown((node) => this.endIdle(node));
    runs.whenBegun((run) => this.open(run));
  }

  /** As a run begins, whether or not anything comes: whom an owner before us gave up learns that something was kept from it. */
  open(run: ShardRun): void {
    if (run.ended || this.byRun.has(run)) return;
    this.begin(run);
    if (run.behind.size > 0) this.tell(run).catch(() => {}); // the run is over: the next one reads the same note
  }

  of(run: ShardRun, node: NodeSeen): Lane {
    const ref = nodeRef(node.id, node.incarnation);
    const lanes = this.byRun.get(run) ?? this.begin(run);
    const known = lanes.get(ref);
    if (known) return known;
    const lane = new Lane(run, ref, this.clients.use(node), this.parts);
    lanes.set(ref, lane);
    return lane;
  }

  private async tell(run: ShardRun): Promise<void> {
    const gateways = await run.insist('registry', () => this.nodes.list('gateway'));
    if (run.ended) return;
    const noted = new Set(run.behind);
    run.behind.clear();
    for (const node of gateways)
      if (noted.has(anyNode) || noted.has(nodeRef(node.id, node.incarnation))) this.of(run, node).catchUp();
  }

  private begin(run: ShardRun): Map<NodeRef, Lane> {
    const lanes = new Map<NodeRef, Lane>();
    this.byRun.set(run, lanes);
    const end = () => {
      this.byRun.delete(run);
      for (const lane of lanes.values()) lane.end();
    };
    run.signal.addEventListener('abort', end, { once: true });
    return lanes;
  }

  private forget(lane: Lane): void {
    this.byRun.get(lane.run)?.delete(lane.node);
    this.clients.release(lane.node);
  }

  /** A node that left has no use for its idle lanes; one that comes back gets new ones. */
  private endIdle(node: NodeRef): void {
    for (const lanes of this.byRun.values()) {
      const lane = lanes.get(node);
      if (lane?.isIdle) lane.end();
    }
  }

  private async isDead(node: NodeRef): Promise<boolean> {
    const gateways = await this.nodes.list('gateway');
    const entry = gateways.find(({ id, incarnation }) => nodeRef(id, incarnation) === node);
    // One that is connected and silent hangs: a new lane to it would wait, and hold the shard, all over again.
    return entry === undefined || (!entry.leased && !this.clients.isUp(node));
  }
}
