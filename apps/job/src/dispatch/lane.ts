import { Refusal, notRetained, type Delivery, type DeliveryAck } from '@app/protocol/wires';
import type { NodeRef } from '@app/registry';
import { backoffMs, type Clock, type Log } from '@app/runtime';
import { nextBatch } from '../batch/batcher.js';
import type { JobMetrics } from '../job.metrics.js';
import type { ShardRun } from '../shard/shard-run.js';
import type { Expected } from '../shard/watermark.js';
import type { GatewayLink } from './gateway-clients.js';

export interface LaneItem {
  delivery: Delivery;
  bytes: number;
  /** Absolute; 0 = never. */
  expiresAtMs: number;
  expected: Expected;
  /** By the monotonic clock. */
  pushedAtMs: number;
}

export interface LaneSettings {
  /** Bytes not acknowledged from which on the shard is paused; it goes on at half. */
  windowBytes: number;
  /** Without an acknowledgement for so long, the node gets history only. */
  stallMs: number;
}

export interface LaneParts {
  settings: LaneSettings;
  clock: Clock;
  metrics: JobMetrics;
  log: Log;
  /** Whether this incarnation is over, or its lease is and nobody is connected to it. */
  isDead(node: NodeRef): Promise<boolean>;
  /** The gateway knows another epoch than we: reads it again. */
  renew(run: ShardRun): Promise<void>;
  /** The lane has ended; a new one may be made for the same node. */
  onEnd(lane: Lane): void;
}

/** So long after its time no timer comes in a process that runs. */
const tooLateMs = 1_000;

type Outcome = 'taken' | 'stalled' | 'dead' | 'void' | 'ended';

/**
 * One shard's deliveries to one incarnation of one gateway, in order: what waits goes in one batch, and the next batch
 * follows its acknowledgement. One batch in flight, because a gateway that refuses one and takes the next would have
 * skipped it for ever; what comes meanwhile is merged, so that a busy lane has large batches and an idle one no delay.
 */
export class Lane {
  private readonly waiting: LaneItem[] = [];
  private bytes = 0;
  private isFull = false;
  private isWorking = false;
  /** `historyOnly`: does not answer and is asked again and again; `void`: its incarnation is over. */
  private state: 'open' | 'historyOnly' | 'void' | 'ended' = 'open';
  private wake: () => void = () => {};

  constructor(
    readonly run: ShardRun,
    readonly node: NodeRef,
    private readonly link: GatewayLink,
    private readonly parts: LaneParts,
  ) {}

  /** Nothing waits, nothing is being sent, and nothing is to be remembered of the node once it is not connected. */
  get isIdle(): boolean {
    return (this.state === 'open' || this.state === 'void') && !this.isWorking;
  }

  /** Something was kept from the node that it can find in history, and it has not been told to look there. */
  private get isBehind(): boolean {
    return this.run.behind.has(this.node);
  }

  private get hasEnded(): boolean {
    return this.state === 'ended';
  }

  private get hasLeftHistoryOnly(): boolean {
    return this.state !== 'historyOnly';
  }

  push(item: LaneItem): void {
    if (this.state === 'historyOnly') return this.giveUp([item], 'node_stalled');
    if (this.state === 'void') return this.giveUp([item], 'node_lost');
    this.waiting.push(item);
    this.grow(item.bytes);
    this.begin();
  }

  /** The node is told to look for what only history has. */
  catchUp(): void {
    this.run.behind.add(this.node);
    if (this.state === 'open') this.begin();
  }

  /** Forgets what waits, unacknowledged: the shard's next owner hands it over again. */
  end(): void {
    if (this.state === 'ended') return;
    if (this.state === 'historyOnly') this.parts.metrics.stalledLanes.dec();
    this.state = 'ended';
    this.waiting.length = 0;
    this.grow(-this.bytes);
    this.wake();
    this.parts.onEnd(this);
  }

  private begin(): void {
    if (this.isWorking) return;
    this.isWorking = true;
    // Not before the records that came together are all here: they are one batch.
    queueMicrotask(() => void this.work());
  }

  private async work(): Promise<void> {
    while (this.state === 'open' && (this.isBehind || this.waiting.length > 0)) {
      const batch = this.isBehind ? [] : nextBatch(this.waiting);
      const deliveries = this.alive(batch);
      const outcome = batch.length > 0 && deliveries.length === 0 ? 'taken' : await this.handOver(deliveries);
      if (outcome === 'ended') break;
      if (outcome === 'taken') this.done(batch, deliveries.length);
      else if (outcome === 'stalled') void this.goHistoryOnly();
      else this.bury(outcome);
    }
    this.isWorking = false;
  }

  /** Sends a batch again until it is taken: nothing later may overtake it. The gateway skips what it has. */
  private async handOver(deliveries: Delivery[]): Promise<Outcome> {
    const { clock, settings } = this.parts;
    const last = deliveries.at(-1)?.offset ?? -1;
    let deadline = clock.monotonic() + settings.stallMs;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.send(deliveries, deadline - clock.monotonic());
      if (this.hasEnded) return 'ended';
      if (answer?.refused === Refusal.none && answer.taken >= last) return 'taken';
      if (answer?.refused === Refusal.ghostOwner) {
        this.run.stop(`${this.node} has seen a later owner`);
        return 'ended';
      }
      if (answer?.refused === Refusal.otherIncarnation) return 'void';
      if (answer?.refused === Refusal.otherEpoch) await this.renew();
      // We stood still ourselves, and judge nobody by that.
      if (clock.monotonic() > deadline + tooLateMs) deadline = clock.monotonic() + settings.stallMs;
      const left = deadline - clock.monotonic();
      if (left > 0) await this.wait(Math.min(left, backoffMs(attempt)));
      if (this.hasEnded) return 'ended';
      if (clock.monotonic() < deadline) continue;
      const isDead = await this.isDead();
      return this.hasEnded ? 'ended' : isDead ? 'dead' : 'stalled';
    }
  }

  private async send(deliveries: Delivery[], timeoutMs: number): Promise<DeliveryAck | undefined> {
    const { shard, epoch, ownerEpoch } = this.run.owner;
    this.parts.metrics.batches.inc();
    try {
      return await this.link.deliver({ epoch, shard, ownerEpoch, incarnation: this.node, deliveries }, timeoutMs);
    } catch (err) {
      this.parts.log.debug({ err, shard, node: this.node }, 'batch not acknowledged');
      return undefined;
    }
  }

  /**
   * What of a batch is worth sending. A retained message that has expired goes all the same: the next one names it as the
   * one before. Asked once per batch, because what was sent may have been taken.
   */
  private alive(batch: readonly LaneItem[]): Delivery[] {
    const now = this.parts.clock.now();
    const deliveries: Delivery[] = [];
    let expired = 0;
    for (const { delivery, expiresAtMs } of batch) {
      if (expiresAtMs === 0 || expiresAtMs > now) {
        deliveries.push(delivery);
        continue;
      }
      const steps = delivery.steps.filter(({ prev }) => prev !== notRetained);
      expired += delivery.steps.length - steps.length;
      if (steps.length > 0) deliveries.push({ ...delivery, steps });
    }
    if (expired > 0) this.parts.metrics.dropped.inc({ stage: 'lane', reason: 'expired' }, expired);
    return deliveries;
  }

  /** An empty batch has told the node to compare its channels with history. */
  private done(batch: readonly LaneItem[], sent: number): void {
    const { metrics, clock } = this.parts;
    if (batch.length === 0) this.run.behind.delete(this.node);
    const now = clock.monotonic();
    this.waiting.splice(0, batch.length);
    this.grow(-sum(batch));
    metrics.deliveries.inc(sent);
    for (const item of batch) metrics.dispatchSeconds.observe((now - item.pushedAtMs) / 1_000);
    this.run.watermark.acknowledged(batch.map((item) => item.expected));
  }

  /** One hung node never stops a shard: what is retained the gateway finds in history, the rest is counted. */
  private async goHistoryOnly(): Promise<void> {
    this.state = 'historyOnly';
    this.run.behind.add(this.node);
    this.parts.metrics.stalledLanes.inc();
    this.parts.log.warn({ shard: this.run.shard, node: this.node, waiting: this.waiting.length }, 'lane stalled');
    this.giveUpAll('node_stalled');
    const { clock, settings } = this.parts;
    let isHung = false;
    for (let attempt = 1; this.state === 'historyOnly'; attempt += 1) {
      // A node that hangs finds our question when it goes on; one that is away is asked now and then.
      if (!isHung) await this.wait(backoffMs(attempt, 500));
      if (this.hasLeftHistoryOnly) return;
      const askedAtMs = clock.monotonic();
      const answer = await this.send([], settings.stallMs);
      isHung = answer === undefined && clock.monotonic() - askedAtMs >= settings.stallMs;
      if (this.hasLeftHistoryOnly) return;
      if (answer?.refused === Refusal.otherIncarnation) this.bury('void');
      else if (answer?.refused === Refusal.ghostOwner) this.run.stop(`${this.node} has seen a later owner`);
      else if (answer?.refused === Refusal.otherEpoch) await this.renew();
      else if (answer?.refused === Refusal.none) this.reopen();
      else if (answer === undefined && (await this.isDead()) && !this.hasEnded) this.bury('dead');
    }
  }

  /** Only what is kept from the node before this moment is missing there: it is told to look once that is over. */
  private reopen(): void {
    this.state = 'open';
    this.parts.metrics.stalledLanes.dec();
    this.parts.log.info({ shard: this.run.shard, node: this.node }, 'lane open again');
    this.begin();
  }

  /** What the node had not acknowledged is lost. A void lane stays as long as its connection: nothing knocks there again. */
  private bury(outcome: 'dead' | 'void'): void {
    this.parts.log.warn({ shard: this.run.shard, node: this.node, waiting: this.waiting.length }, `node ${outcome}`);
    this.run.behind.delete(this.node);
    this.giveUpAll('node_lost');
    if (outcome === 'dead') return this.end();
    if (this.state === 'historyOnly') this.parts.metrics.stalledLanes.dec();
    this.state = 'void';
  }

  private giveUpAll(reason: LossReason): void {
    const items = this.waiting.splice(0);
    this.grow(-sum(items));
    this.giveUp(items, reason);
  }

  private giveUp(items: readonly LaneItem[], reason: LossReason): void {
    const steps = items.flatMap((item) => item.delivery.steps);
    const lost = reason === 'node_lost' ? steps : steps.filter((step) => step.prev === notRetained);
    if (lost.length > 0) this.parts.metrics.dropped.inc({ stage: 'lane', reason }, lost.length);
    this.run.watermark.acknowledged(items.map((item) => item.expected));
  }

  private grow(bytes: number): void {
    const { windowBytes } = this.parts.settings;
    this.bytes += bytes;
    this.parts.metrics.laneBytes.inc(bytes);
    if (!this.isFull && this.bytes > windowBytes) {
      this.isFull = true;
      this.run.hold();
    } else if (this.isFull && this.bytes <= windowBytes / 2) {
      this.isFull = false;
      this.run.letGo();
    }
  }

  private async isDead(): Promise<boolean> {
    try {
      return await this.parts.isDead(this.node);
    } catch {
      return false; // nobody is judged while the registry is away
    }
  }

  private async renew(): Promise<void> {
    try {
      await this.parts.renew(this.run);
    } catch (err) {
      this.parts.log.warn({ err, shard: this.run.shard }, 'epoch not read');
    }
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.parts.clock.after(ms, resolve);
      this.wake = () => {
        timer.stop();
        resolve();
      };
    });
  }
}

type LossReason = 'node_stalled' | 'node_lost';

function sum(items: readonly LaneItem[]): number {
  let bytes = 0;
  for (const item of items) bytes += item.bytes;
  return bytes;
}
