import { type Clock, type Log, type Timer, backoffMs, pause, persist } from '@app/runtime';
import kafkajs, { type Consumer, type EachBatchPayload, type Kafka, type PartitionAssigner } from 'kafkajs';
import type { ShardConsumer } from '../bus.js';
import { Generation, type Slot } from './generation.js';
import { isPassing, patient, saying } from './kafka-client.js';
import { KafkaShard } from './kafka-shard.js';
import type { KafkaSettings } from './kafka.options.js';
import type { RetentionWatch } from './retention-watch.js';
import type { ShardOffsets, Standing } from './shard-offsets.js';
import { within } from './time-limit.js';

export interface GroupOptions {
  kafka: Kafka;
  topic: string;
  groupId: string;
  life: string;
  shards: number;
  settings: KafkaSettings;
  clock: Clock;
  offsets: ShardOffsets;
  retention: RetentionWatch;
  consumer: ShardConsumer;
}

/**
 * Our membership in the group that shares the shards among the jobs. From the moment this member asks to join again it
 * owns nothing; once it has joined, every shard it was given starts at the committed offset, as if it were new.
 */
export class ShardGroup {
  private member: Consumer | undefined;
  private generation: Generation | undefined;
  /** Takes of an earlier generation that still run, by shard: the next owner of the shard in this process waits. */
  private readonly ending = new Map<number, Promise<void>>();
  private readonly accepted = new WeakMap<object, number>();
  private readonly closing = new AbortController();
  private readonly leaving = new AbortController();
  private readonly commits: Timer;
  private readonly log: Log;
  private readonly living: Promise<void>;
  private trouble: string | undefined = 'the group of the jobs was not joined yet';
  private outSince = -Infinity;
  private closed: Promise<void> | undefined;

  constructor(private readonly options: GroupOptions) {
    const { clock, settings } = options;
    this.log = settings.log;
    this.commits = clock.every(settings.commitMs, () => void this.generation?.flush().catch(() => {}));
    this.living = this.live();
  }

  /** A rebalance is no problem as long as it is short. */
  problem(): string | undefined {
    const isShort = this.options.clock.now() - this.outSince < this.options.settings.sessionTimeoutMs;
    return this.generation || isShort ? undefined : this.trouble;
  }

  /** Waits for the running takes, commits what was committed, gives the shards back. Idempotent. */
  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    this.closing.abort();
    const { closeTimeoutMs, requestTimeoutMs } = this.options.settings;
    const { generation } = this;
    const slots = [...(generation?.slots.values() ?? [])];
    this.stopReading();
    await within(
      closeTimeoutMs,
      'a shard was not handed over',
      Promise.all([...slots.map(({ shard }) => shard?.handOver.stop()), ...this.ending.values()]),
    ).catch((error: unknown) => this.log.warn({ err: error }, 'gave shards back in the middle of a take'));
    this.commits.stop();
    await within(requestTimeoutMs, 'Kafka took no commit', generation?.flush() ?? Promise.resolve()).catch(
      (error: unknown) => this.log.warn({ err: error }, 'the last commit was not taken: the next owner repeats'),
    );
    this.lose();
    this.leaving.abort();
    await within(requestTimeoutMs, 'the group was not left', this.living).catch((error: unknown) =>
      this.log.warn({ err: error }, 'Kafka was left without a word'),
    );
  }

  /** One kafkajs consumer after the other: what crashes is made anew. */
  private async live(): Promise<void> {
    for (let attempt = 1; !this.closing.signal.aborted; attempt += 1) {
      const member = this.makeMember();
      this.member = member;
      const crash = new Promise<unknown>((resolve) => {
        member.on(member.events.CRASH, ({ payload }) => resolve(payload.error));
      });
      const left = new Promise<void>((resolve) => {
        if (this.leaving.signal.aborted) resolve();
        this.leaving.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      member.on(member.events.GROUP_JOIN, () => {
        attempt = 1;
      });
      try {
        await this.join(member);
        const error = await Promise.race([crash, left]);
        if (error !== undefined) throw error;
      } catch (error) {
        this.trouble = `the group of the jobs was lost: ${saying(error)}`;
        const level = attempt > 1 ? 'debug' : isPassing(error) ? 'info' : 'warn';
        this.log[level]({ attempt, err: error }, 'not in the group of the jobs, joining again');
      }
      this.lose();
      await within(this.options.settings.closeTimeoutMs, 'kafkajs did not end', member.disconnect()).catch(() => {});
      await pause(backoffMs(attempt), this.closing.signal);
    }
  }

  private makeMember(): Consumer {
    const { kafka, groupId, settings, topic } = this.options;
    const member: Consumer = kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: settings.sessionTimeoutMs,
      heartbeatInterval: settings.heartbeatMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      maxWaitTimeInMs: 100,
      metadataMaxAge: 30_000,
      partitionAssigners: [announced(() => member === this.member && this.lose())],
      retry: { ...patient(settings.sessionTimeoutMs), restartOnFailure: async () => false },
    });
    member.on(member.events.COMMIT_OFFSETS, ({ payload }) => {
      this.accepted.set(payload.topics, payload.groupGenerationId);
    });
    member.on(member.events.GROUP_JOIN, ({ payload }) => this.joined(member, payload.memberAssignment[topic] ?? []));
    return member;
  }

  private async join(member: Consumer): Promise<void> {
    await member.connect();
    await member.subscribe({ topics: [this.options.topic], fromBeginning: true });
    await member.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.options.shards,
      eachBatch: (payload) => this.read(member, payload),
    });
  }

  /** Whatever we had is not ours any more; nothing of it may be committed from here on. */
  private lose(): void {
    const { generation } = this;
    if (!generation) return;
    this.stopReading();
    this.generation = undefined;
    this.outSince = this.options.clock.now();
    for (const [partition, { shard }] of generation.slots) {
      if (shard) this.ending.set(partition, shard.handOver.stop());
    }
    generation.lose();
    this.log.info({ shards: [...generation.slots.keys()] }, 'shards given back');
  }

  private joined(member: Consumer, shards: readonly number[]): void {
    if (this.closing.signal.aborted || member !== this.member) return;
    this.lose();
    const generation: Generation = new Generation({
      topic: this.options.topic,
      log: this.log,
      acceptedAs: (topics) => this.accepted.get(topics),
      onRefused: () => {
        if (this.generation === generation) this.lose();
      },
    });
    this.generation = generation;
    this.log.info({ shards }, 'shards received');
    // Before anything is read, where to start must be known: kafkajs would pass over what retention took.
    for (const shard of shards) this.stop(member, shard);
    this.start(member, generation, shards).catch((error: unknown) => {
      this.log.debug({ err: error }, 'the generation was over before its shards had begun');
    });
  }

  private async start(member: Consumer, generation: Generation, shards: readonly number[]): Promise<void> {
    if (shards.length === 0) return;
    const standing = await persist(() => this.options.offsets.standing(), {
      signal: generation.signal,
      onFailure: (error) => this.log.warn({ err: error }, 'where to start is not known yet'),
    });
    const startOne = async (shard: number) => {
      await this.ending.get(shard);
      if (generation.signal.aborted) return;
      const next = this.startOf(shard, standing.get(shard));
      generation.slots.set(shard, { next, isFull: false });
      member.seek({ topic: this.options.topic, partition: shard, offset: String(next) });
      this.go(member, shard);
    };
    await Promise.all(shards.map(startOne));
  }

  private startOf(shard: number, standing: Standing | undefined): number {
    const { committed, low, high } = standing ?? { committed: -1, low: 0, high: 0 };
    if (committed < 0) return low;
    if (committed > high) {
      this.log.error({ shard, committed, high }, 'the log ends before what was committed: the topic was made anew');
      return low;
    }
    this.options.retention.passed(shard, committed, low);
    return Math.max(committed, low);
  }

  /** kafkajs waits for all shards' batches before it reads on, so nothing here waits for a `take`. */
  private async read(member: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { generation } = this;
    const slot = generation?.slots.get(batch.partition);
    // What is not resolved is read again.
    if (!generation || !slot || this.closing.signal.aborted) return;
    generation.send ??= (offsets) => payload.commitOffsetsIfNecessary(offsets);
    if (!(await this.isNext(member, slot, payload)) || generation.signal.aborted) return;
    slot.shard ??= await this.own(member, generation, slot, batch.partition);
    if (generation.signal.aborted) return slot.shard.lose();

    const entries = batch.messages
      .map(({ offset, value }) => ({ offset: Number(offset), value: value ?? Buffer.alloc(0) }))
      .filter(({ offset }) => offset >= slot.next);
    payload.resolveOffset(batch.lastOffset());
    slot.next = Number(batch.lastOffset()) + 1;
    slot.shard.handOver.push(entries);
    if (slot.shard.handOver.bytes > this.options.settings.readAheadBytes) {
      slot.isFull = true;
      this.stop(member, batch.partition);
    }
  }

  /** Whether the batch goes on where we are. If not: retention took what was between, or it is of another generation. */
  private async isNext(member: Consumer, slot: Slot, { batch }: EachBatchPayload): Promise<boolean> {
    const { partition } = batch;
    const first = Number(batch.firstOffset());
    if (first <= slot.next || first === slot.early) return true;
    const { low } = (await this.options.offsets.standing()).get(partition) ?? { low: 0 };
    if (this.generation?.slots.get(partition) !== slot) return false;
    const gone = Math.min(low, first);
    this.options.retention.passed(partition, slot.next, gone);
    slot.next = Math.max(slot.next, gone);
    if (slot.next === first) return true;
    slot.early = first; // when it comes first again, there is nothing between
    member.seek({ topic: this.options.topic, partition, offset: String(slot.next) });
    return false;
  }

  /** The first commit of a shard in a generation is the fence, and tells the generation. */
  private async own(member: Consumer, generation: Generation, slot: Slot, partition: number): Promise<KafkaShard> {
    const start = slot.next;
    const ownerEpoch = await generation.commit(new Map([[partition, start]]));
    const shard: KafkaShard = new KafkaShard(partition, ownerEpoch, this.options.life, start, generation, {
      consumer: this.options.consumer,
      log: this.log,
      onTaken: () => {
        if (!slot.isFull || shard.signal.aborted) return;
        if (shard.handOver.bytes > this.options.settings.readAheadBytes / 2) return;
        slot.isFull = false;
        this.go(member, partition);
      },
    });
    return shard;
  }

  private stopReading(): void {
    if (!this.member) return;
    for (let shard = 0; shard < this.options.shards; shard += 1) this.stop(this.member, shard);
  }

  private stop(member: Consumer, shard: number): void {
    try {
      member.pause([{ topic: this.options.topic, partitions: [shard] }]);
    } catch {
      // kafkajs has ended: nothing is read anyway
    }
  }

  private go(member: Consumer, shard: number): void {
    try {
      member.resume([{ topic: this.options.topic, partitions: [shard] }]);
    } catch {
      // kafkajs has ended: the next generation starts it
    }
  }
}

/** Round robin, telling of each join before it is asked for: kafkajs's REBALANCING does not come for all of them. */
function announced(onJoin: () => unknown): PartitionAssigner {
  return (config) => {
    const assigner = kafkajs.PartitionAssigners.roundRobin(config);
    return {
      name: assigner.name,
      version: assigner.version,
      assign: (group) => assigner.assign(group),
      protocol: (subscription) => {
        onJoin();
        return assigner.protocol(subscription);
      },
    };
  };
}
