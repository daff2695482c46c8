import { type Clock, type Log, type Timer, backoffMs, pause } from '@app/runtime';
import type { Kafka, Producer } from 'kafkajs';
import { BusUnavailableError, type Publishing } from '../bus.js';
import { isRefusal, saying } from './kafka-client.js';
import type { KafkaSettings } from './kafka.options.js';
import { Published } from '../published.js';
import { within } from './time-limit.js';

/** A publish on its way. */
interface Waiting {
  records: readonly Publishing[];
  bytes: number;
  /** How many of the records Kafka holds. */
  held: number;
  deadline: number;
  /** Undefined once the publisher has its answer. */
  answer: { resolve: () => void; reject: (error: Error) => void } | undefined;
}

/** Records that go in one request, and how many each publish gave. */
interface Load {
  records: Publishing[];
  shares: Map<Waiting, number>;
}

/** Kafka takes no more than 1 MiB (`max.message.bytes`) of one partition in one request. */
const MAX_PARTITION_BYTES = 900 * 1024;
const MAX_LOAD_BYTES = 8 * 1024 * 1024;
/** kafkajs copies a partition's list once per record. */
const MAX_LOAD_RECORDS = 2_000;
const RECORD_OVERHEAD_BYTES = 100;
/** On a record that was sent again: the offset at which it died. */
export const replayHeader = 'replay-of';

/**
 * One `sendBatch` in flight, everything else gathers meanwhile: a retry can then only repeat, never reorder. The
 * retries are ours, each with a fresh kafkajs producer, because kafkajs's own lose a partition whose leader moves to a
 * broker that has answered already, and its idempotent producer loses acknowledged records after a lost answer.
 */
export class GatheringProducer {
  private readonly queue: Waiting[] = [];
  private queuedBytes = 0;
  private sending: Promise<void> | undefined;
  private producer: Producer | undefined;
  private readonly closing = new AbortController();
  private readonly sweep: Timer;
  private inFlight: Load | undefined;
  private trouble: { why: string; until: number } | undefined;
  private readonly log: Log;
  private readonly published: Published;

  /** @param check is told the number of partitions before each request, and throws to forbid it for good. */
  constructor(
    private readonly kafka: Kafka,
    private readonly topic: string,
    private readonly settings: KafkaSettings,
    private readonly clock: Clock,
    private readonly check: (partitions?: number) => void,
  ) {
    this.log = settings.log;
    this.published = new Published(settings.metrics);
    this.sweep = clock.every(Math.min(250, settings.publishTimeoutMs / 4), () => this.giveUpLate());
  }

  /**
   * Why a request failed, until one succeeds, and for no longer than a publish may take: where readiness keeps
   * publishers away, no success would ever come.
   */
  problem(): string | undefined {
    return this.trouble && this.clock.monotonic() < this.trouble.until ? this.trouble.why : undefined;
  }

  /** @throws BusUnavailableError, ShardsChangedError */
  publish(records: readonly Publishing[]): Promise<void> {
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    if (this.closing.signal.aborted) return Promise.reject(new BusUnavailableError('the bus is closed'));
    if (this.queuedBytes + bytes > this.settings.maxBytes) {
      const full = `${this.queuedBytes} of ${this.settings.maxBytes} bytes wait for Kafka: no room for ${bytes} more`;
      return Promise.reject(new BusUnavailableError(full));
    }
    return new Promise((resolve, reject) => {
      const deadline = this.clock.monotonic() + this.settings.publishTimeoutMs;
      this.queue.push({ records, bytes, held: 0, deadline, answer: { resolve, reject } });
      this.queuedBytes += bytes;
      this.sending ??= this.send();
    });
  }

  /** Refuses what is new and waits for what is under way. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    if (this.sending) await within(this.settings.closeTimeoutMs, 'Kafka took nothing', this.sending).catch(() => {});
    while (this.queue[0]) this.end(this.queue[0], new BusUnavailableError('the bus is closed'));
    this.sweep.stop();
    this.renew();
  }

  private async send(): Promise<void> {
    await Promise.resolve(); // what comes in one tick goes in one request
    while (this.queue.length > 0) {
      const load = this.gather();
      this.inFlight = load;
      const error = await this.deliver(load);
      this.inFlight = undefined;
      for (const [waiting, count] of load.shares) {
        waiting.held += count;
        const isGivenUp = waiting.answer === undefined;
        if (error || isGivenUp || waiting.held === waiting.records.length) this.end(waiting, error);
      }
    }
    this.sending = undefined;
  }

  /** The longest beginning of the queue that fits one request. */
  private gather(): Load {
    const load: Load = { records: [], shares: new Map() };
    const partitions = new Map<number, number>();
    let bytes = 0;
    for (const waiting of this.queue) {
      for (let i = waiting.held; i < waiting.records.length; i += 1) {
        const record = waiting.records[i]!;
        const size = sizeOf(record);
        const inPartition = (partitions.get(record.shard) ?? 0) + size;
        const isFirst = load.records.length === 0;
        const fits = inPartition <= MAX_PARTITION_BYTES && bytes + size <= MAX_LOAD_BYTES;
        if (!isFirst && (!fits || load.records.length >= MAX_LOAD_RECORDS)) return load;
        partitions.set(record.shard, inPartition);
        bytes += size;
        load.records.push(record);
        load.shares.set(waiting, i - waiting.held + 1);
      }
    }
    return load;
  }

  /** Tries until Kafka holds the load, answers why not when nobody waits for it any more. */
  private async deliver(load: Load): Promise<Error | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      if (attempt > 1) this.published.resent(load.records.length);
      try {
        await within(this.settings.publishTimeoutMs, 'Kafka did not acknowledge', this.attempt(load.records));
        this.trouble = undefined;
        return undefined;
      } catch (error) {
        this.renew();
        const why = `Kafka did not take records: ${saying(error)}`;
        this.trouble = { why, until: this.clock.monotonic() + this.settings.publishTimeoutMs };
        this.log[attempt === 1 ? 'warn' : 'debug']({ attempt, err: error }, 'records could not be sent');
        const forbidden = this.forbidden();
        if (forbidden) return forbidden;
        const isAwaited = [...load.shares.keys()].some((waiting) => waiting.answer);
        if (!isAwaited || this.closing.signal.aborted || isRefusal(error)) {
          return new BusUnavailableError(why, { cause: error });
        }
        await pause(backoffMs(attempt, 50, 1_000), this.closing.signal);
      }
    }
  }

  private async attempt(records: readonly Publishing[]): Promise<void> {
    const producer = await this.connected();
    const messages = records.map(({ shard, key, value, replayOf }) => ({
      partition: shard,
      key,
      value,
      ...(replayOf !== undefined && { headers: { [replayHeader]: String(replayOf) } }),
    }));
    const answers = await producer.sendBatch({
      acks: -1,
      timeout: this.settings.requestTimeoutMs,
      topicMessages: [{ topic: this.topic, messages }],
    });
    const answered = new Set(answers.map((answer) => answer.partition));
    const silent = records.find(({ shard }) => !answered.has(shard));
    if (silent) throw new Error(`no broker answered for partition ${silent.shard}`);
  }

  private async connected(): Promise<Producer> {
    if (this.producer) return this.producer;
    const producer = this.kafka.producer({
      idempotent: false,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      retry: { retries: 0 },
      createPartitioner:
        () =>
        ({ message, partitionMetadata }) => {
          this.check(partitionMetadata.length);
          return message.partition!;
        },
    });
    this.producer = producer;
    await producer.connect();
    return producer;
  }

  /** Lets go of the producer without waiting for it: what it still has in flight can only repeat. */
  private renew(): void {
    this.producer?.disconnect().catch(() => {});
    this.producer = undefined;
  }

  private forbidden(): Error | undefined {
    try {
      this.check();
    } catch (error) {
      return error as Error;
    }
  }

  private giveUpLate(): void {
    const now = this.clock.monotonic();
    const late = this.queue.filter((waiting) => waiting.deadline <= now && waiting.answer);
    for (const waiting of late) {
      const why = this.trouble?.why ?? 'Kafka did not acknowledge';
      const error = new BusUnavailableError(`${why} (given up after ${this.settings.publishTimeoutMs} ms)`);
      if (this.inFlight?.shares.has(waiting)) this.answer(waiting, error);
      else this.end(waiting, error);
    }
  }

  private answer(waiting: Waiting, error?: Error): void {
    const { answer } = waiting;
    waiting.answer = undefined;
    if (error) answer?.reject(error);
    else answer?.resolve();
  }

  private end(waiting: Waiting, error?: Error): void {
    this.answer(waiting, error);
    const at = this.queue.indexOf(waiting);
    if (at < 0) return;
    this.queue.splice(at, 1);
    this.queuedBytes -= waiting.bytes;
  }
}

function sizeOf({ key, value }: Publishing): number {
  return value.length + key.length + RECORD_OVERHEAD_BYTES;
}
