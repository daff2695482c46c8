import { type Clock, type Log, type Timer, persist } from '@app/runtime';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { BusEntry, ShardConsumer } from '../bus.js';
import { replayHeader } from './gathering-producer.js';
import { Generation, type Slot } from './generation.js';
import { GroupMember, type MemberEvents, type MemberOptions } from './group-member.js';
import { KafkaShard } from './kafka-shard.js';
import { placeIn } from './place.js';
import type { RetentionWatch } from './retention-watch.js';
import type { ShardOffsets } from './shard-offsets.js';
import { within } from './time-limit.js';
import type { TopicSeen } from './topic-metadata.js';

export interface GroupOptions extends MemberOptions {
  life: () => string;
  topicNow: () => Promise<TopicSeen>;
  clock: Clock;
  offsets: ShardOffsets;
  retention: RetentionWatch;
  consumer: ShardConsumer;
}

/**
 * The shards that the group gives to this process. From the moment its member asks to join again they are nobody's;
 * once it has joined, every shard it was given starts at the committed offset, as if it were new.
 */
export class ShardGroup implements MemberEvents {
  private readonly member: GroupMember;
  private generation: Generation | undefined;
  /** Takes of an earlier generation that still run, by shard: the next owner of the shard in this process waits. */
  private readonly ending = new Map<number, Promise<void>>();
  private readonly closing = new AbortController();
  private readonly commits: Timer;
  private readonly log: Log;
  private outSince = -Infinity;
  private closed: Promise<void> | undefined;

  constructor(private readonly options: GroupOptions) {
    const { clock, settings } = options;
    this.log = settings.log;
    this.commits = clock.every(settings.commitMs, () => void this.generation?.flush().catch(() => {}));
    this.member = new GroupMember(options, this);
  }

  /** A rebalance is no problem as long as it is short. */
  problem(): string | undefined {
    const isShort = this.options.clock.monotonic() - this.outSince < this.options.settings.sessionTimeoutMs;
    return this.generation || isShort ? undefined : this.member.whyNot;
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
    this.member.pause(everyShard(this.options.shards));
    await within(
      closeTimeoutMs,
      'a shard was not handed over',
      Promise.all([...slots.map(({ shard }) => shard?.handOver.stop()), ...this.ending.values()]),
    ).catch((error: unknown) => this.log.warn({ err: error }, 'gave shards back in the middle of a take'));
    this.commits.stop();
    await within(requestTimeoutMs, 'Kafka took no commit', generation?.flush() ?? Promise.resolve()).catch(
      (error: unknown) => this.log.warn({ err: error }, 'the last commit was not taken: the next owner repeats'),
    );
    this.losing();
    await this.member.leave();
  }

  /** Whatever we had is not ours any more; nothing of it may be committed from here on. */
  losing(): void {
    const { generation } = this;
    if (!generation) return;
    this.member.pause(everyShard(this.options.shards));
    this.generation = undefined;
    this.outSince = this.options.clock.monotonic();
    for (const [partition, { shard }] of generation.slots) {
      if (shard) this.ending.set(partition, shard.handOver.stop());
    }
    generation.lose();
    this.log.info({ shards: [...generation.slots.keys()] }, 'shards given back');
  }

  joined(shards: readonly number[]): void {
    if (this.closing.signal.aborted) return;
    this.losing();
    const generation: Generation = new Generation({
      topic: this.options.topic,
      log: this.log,
      acceptedAs: (topics) => this.member.acceptedAs(topics),
      onRefused: () => {
        if (this.generation === generation) this.losing();
      },
    });
    this.generation = generation;
    this.log.info({ shards }, 'shards received');
    // Before anything is read, where to start must be known: kafkajs would pass over what retention took.
    this.member.pause(shards);
    const known = shards.filter((shard) => shard < this.options.shards); // a topic that grew is refused as soon as seen
    this.start(generation, known).catch((error: unknown) => {
      this.log.debug({ err: error }, 'the generation was over before its shards had begun');
    });
  }

  private async start(generation: Generation, shards: readonly number[]): Promise<void> {
    if (shards.length === 0) return;
    const { offsets, retention, topicNow } = this.options;
    // The topic first: should it be made anew in between, the next look finds another id.
    const [{ id }, standing] = await persist(async () => [await topicNow(), await offsets.standing()] as const, {
      signal: generation.signal,
      onFailure: (error) => this.log.warn({ err: error }, 'where to start is not known yet'),
    });
    generation.topicId = id;
    const startOne = async (shard: number) => {
      await this.ending.get(shard);
      if (generation.signal.aborted) return;
      const found = standing.get(shard) ?? { committed: -1, metadata: '', low: 0, high: 0 };
      const start = placeIn(shard, found, id, { log: this.log, retention });
      const recall = start.isBeginning ? 0 : this.options.settings.recallRecords;
      const next = Math.min(start.offset, Math.max(found.low, start.offset - recall));
      const recalled = { records: 0, bytes: 0, isCutShort: false };
      generation.slots.set(shard, { next, from: next, start, recalled, isFull: false });
      this.member.seek(shard, next);
      this.member.resume(shard);
    };
    await Promise.all(shards.map(startOne));
  }

  /** The topic may be another one under the same name: what we know of its shards is then of records that are no more. */
  topicIs(id: string): void {
    const known = this.generation?.topicId;
    if (known && known !== id) this.member.rejoin('the topic was made anew');
  }

  /** kafkajs waits for all shards' batches before it reads on, so nothing here waits for a `take`. */
  async read(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { generation } = this;
    const slot = generation?.slots.get(batch.partition);
    // What is not resolved is read again.
    if (!generation || !slot || this.closing.signal.aborted) return;
    generation.send ??= (offsets) => payload.commitOffsetsIfNecessary(offsets);
    const first = Number(batch.firstOffset());
    const isNext = first === slot.next || (first > slot.next && first === slot.early);
    if (!isNext) return this.lookInto(generation, slot, batch.partition, first);
    slot.shard ??= await this.own(generation, slot, batch.partition);
    if (generation.signal.aborted || this.closing.signal.aborted) return slot.shard.lose();

    const entries = batch.messages.map(entryOf);
    payload.resolveOffset(batch.lastOffset());
    slot.next = Number(batch.lastOffset()) + 1;
    slot.early = undefined; // what was looked into lies behind
    slot.shard.handOver.push(entries);
    if (slot.next < slot.start.offset) this.boundRecall(slot, batch.partition, entries);
    if (slot.shard.handOver.bytes > this.options.settings.readAheadBytes) {
      slot.isFull = true;
      this.member.pause([batch.partition]);
    }
  }

  /** Large records are not all read again: as many of the last ones as have cost what all may, and then no more. */
  private boundRecall(slot: Slot, partition: number, entries: readonly BusEntry[]): void {
    const { start, recalled } = slot;
    recalled.records += entries.length;
    for (const { value } of entries) recalled.bytes += value.length;
    if (recalled.bytes <= this.options.settings.recallBytes) return;
    slot.next = recalled.isCutShort ? start.offset : Math.max(slot.next, start.offset - recalled.records);
    Object.assign(recalled, { records: 0, bytes: 0, isCutShort: true });
    this.member.seek(partition, slot.next);
  }

  /**
   * A batch that does not begin where we are: it was read before a seek, or kafkajs went to the log's begin by itself,
   * because retention took what was next, or the log ends before it.
   */
  private async lookInto(generation: Generation, slot: Slot, partition: number, first: number): Promise<void> {
    await this.options.topicNow();
    const { low, high } = (await this.options.offsets.standing()).get(partition) ?? { low: 0, high: 0 };
    if (generation.signal.aborted) return;
    if (high < slot.next) {
      this.log.error({ shard: partition, next: slot.next, low, high }, 'the log ends before what was read');
      await generation.commit(new Map([[partition, { offset: low, note: '', isBeginning: true }]]));
      return this.member.rejoin('Kafka lost records');
    }
    const gone = Math.min(low, first);
    this.options.retention.passed(partition, Math.max(slot.next, slot.start.offset), gone);
    slot.next = Math.max(slot.next, gone);
    slot.early = first; // when it comes first again, there is nothing between
    this.member.seek(partition, slot.next);
    // What kafkajs commits on such a way is no place to go on from.
    if (slot.shard) generation.commitSoon(partition, slot.shard.place);
  }

  /** The first commit of a shard in a generation is the fence, and tells the generation. */
  private async own(generation: Generation, slot: Slot, partition: number): Promise<KafkaShard> {
    const start = { ...slot.start, offset: Math.max(slot.start.offset, slot.next) };
    const ownerEpoch = await generation.commit(new Map([[partition, start]]));
    const shard: KafkaShard = new KafkaShard(partition, ownerEpoch, this.options.life(), start, generation, {
      consumer: this.options.consumer,
      log: this.log,
      onTaken: () => {
        if (!slot.isFull || shard.signal.aborted) return;
        if (shard.handOver.bytes > this.options.settings.readAheadBytes / 2) return;
        slot.isFull = false;
        this.member.resume(partition);
      },
      readAgain: (offset) => {
        // What owners before had may not have been shown to the end.
        const next = offset === slot.start.offset ? slot.from : offset;
        const recalled = { records: 0, bytes: 0, isCutShort: false };
        Object.assign(slot, { next, recalled, early: undefined, isFull: false });
        this.member.seek(partition, next);
        this.member.resume(partition);
      },
    });
    return shard;
  }
}

function everyShard(shards: number): number[] {
  return Array.from({ length: shards }, (_, shard) => shard);
}

function entryOf({ offset, key, value, headers }: KafkaMessage): BusEntry {
  const replayOf = Number(headers?.[replayHeader]?.toString() ?? NaN);
  return {
    offset: Number(offset),
    ...(key && { key }),
    value: value ?? Buffer.alloc(0),
    ...(Number.isSafeInteger(replayOf) && { replayOf }),
  };
}
