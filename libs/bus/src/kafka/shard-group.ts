import { type Clock, type Log, type Timer, persist } from '@app/runtime';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { BusEntry, ShardConsumer } from '../bus.js';
import { replayHeader } from './gathering-producer.js';
import { Generation, type Slot } from './generation.js';
import { GroupMember, type MemberEvents, type MemberOptions } from './group-member.js';
import { KafkaShard } from './kafka-shard.js';
import type { RetentionWatch } from './retention-watch.js';
import type { ShardOffsets, Standing } from './shard-offsets.js';
import { within } from './time-limit.js';

export interface GroupOptions extends MemberOptions {
  life: string;
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
    const isShort = this.options.clock.now() - this.outSince < this.options.settings.sessionTimeoutMs;
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
    this.outSince = this.options.clock.now();
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
    const standing = await persist(() => this.options.offsets.standing(), {
      signal: generation.signal,
      onFailure: (error) => this.log.warn({ err: error }, 'where to start is not known yet'),
    });
    const startOne = async (shard: number) => {
      await this.ending.get(shard);
      if (generation.signal.aborted) return;
      const next = this.startOf(shard, standing.get(shard));
      generation.slots.set(shard, { next, note: standing.get(shard)?.note ?? '', isFull: false });
      this.member.seek(shard, next);
      this.member.resume(shard);
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
  async read(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { generation } = this;
    const slot = generation?.slots.get(batch.partition);
    // What is not resolved is read again.
    if (!generation || !slot || this.closing.signal.aborted) return;
    generation.send ??= (offsets) => payload.commitOffsetsIfNecessary(offsets);
    const first = Number(batch.firstOffset());
    if (first > slot.next && first !== slot.early) return this.passOver(slot, batch.partition, first);
    slot.shard ??= await this.own(generation, slot, batch.partition);
    if (generation.signal.aborted || this.closing.signal.aborted) return slot.shard.lose();

    const entries = batch.messages.map(entryOf).filter(({ offset }) => offset >= slot.next);
    payload.resolveOffset(batch.lastOffset());
    slot.next = Number(batch.lastOffset()) + 1;
    slot.shard.handOver.push(entries);
    if (slot.shard.handOver.bytes > this.options.settings.readAheadBytes) {
      slot.isFull = true;
      this.member.pause([batch.partition]);
    }
  }

  /** A batch that begins too late: retention took what was between, or it was read before a seek. */
  private async passOver(slot: Slot, partition: number, first: number): Promise<void> {
    const { low } = (await this.options.offsets.standing()).get(partition) ?? { low: 0 };
    if (this.generation?.slots.get(partition) !== slot) return;
    const gone = Math.min(low, first);
    this.options.retention.passed(partition, slot.next, gone);
    slot.next = Math.max(slot.next, gone);
    slot.early = first; // when it comes first again, there is nothing between
    this.member.seek(partition, slot.next);
  }

  /** The first commit of a shard in a generation is the fence, and tells the generation. */
  private async own(generation: Generation, slot: Slot, partition: number): Promise<KafkaShard> {
    const start = { offset: slot.next, note: slot.note };
    const ownerEpoch = await generation.commit(new Map([[partition, start]]));
    const shard: KafkaShard = new KafkaShard(partition, ownerEpoch, this.options.life, start, generation, {
      consumer: this.options.consumer,
      log: this.log,
      onTaken: () => {
        if (!slot.isFull || shard.signal.aborted) return;
        if (shard.handOver.bytes > this.options.settings.readAheadBytes / 2) return;
        slot.isFull = false;
        this.member.resume(partition);
      },
      readAgain: (offset) => {
        Object.assign(slot, { next: offset, early: undefined, isFull: false });
        this.member.seek(partition, offset);
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
