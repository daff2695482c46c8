import { type Clock, SystemClock } from '@app/runtime';
import type { Admin, Kafka } from 'kafkajs';
import { Bus, BusUnavailableError, type Publishing, type ShardConsumer } from '../bus.js';
import { GatheringProducer } from './gathering-producer.js';
import { kafkaClient, patient } from './kafka-client.js';
import { KafkaLink } from './kafka-link.js';
import { type KafkaBusOptions, type KafkaSettings, kafkaSettings } from './kafka.options.js';
import { Published } from '../published.js';
import { RetentionWatch } from './retention-watch.js';
import { ShardGroup } from './shard-group.js';
import { ShardOffsets } from './shard-offsets.js';
import { ShardTopic, topicName } from './shard-topic.js';
import { TopicLook } from './topic-look.js';

/** Shards are the partitions of one Kafka topic, their owners the members of one group. */
export class KafkaBus extends Bus {
  readonly durable = true;
  private readonly settings: KafkaSettings;
  private readonly clock: Clock;
  private readonly kafka: Kafka;
  private readonly admin: KafkaLink<Admin>;
  private readonly look: TopicLook;
  private readonly topic: ShardTopic;
  private readonly retention: RetentionWatch;
  private readonly published: Published;
  private readonly closing = new AbortController();
  private opening: Promise<void> | undefined;
  private closed: Promise<void> | undefined;
  private producer: GatheringProducer | undefined;
  private group: ShardGroup | undefined;

  constructor(options: KafkaBusOptions) {
    super();
    this.settings = kafkaSettings(options);
    this.clock = this.settings.clock ?? new SystemClock();
    this.kafka = kafkaClient(this.settings);
    const { requestTimeoutMs } = this.settings;
    this.admin = new KafkaLink(() => this.kafka.admin(), requestTimeoutMs);
    this.look = new TopicLook(this.kafka, this.admin, topicName(this.settings), requestTimeoutMs);
    this.topic = new ShardTopic(this.settings, this.admin, this.look, this.clock, {
      onShards: () => void this.group?.close(),
      onRemade: (id) => this.group?.topicIs(id),
    });
    this.published = new Published(this.settings.metrics);
    this.retention = new RetentionWatch(this.settings.log, this.settings.metrics, this.clock);
  }

  /** @throws BusUnavailableError before `open` has resolved. */
  get shards(): number {
    return this.topic.shards;
  }

  get life(): string {
    return this.topic.life;
  }

  open(): Promise<void> {
    this.opening ??= this.begin();
    return this.opening;
  }

  /** @throws ShardsChangedError, RangeError when there is no such shard, BusUnavailableError */
  async publish(records: readonly Publishing[]): Promise<void> {
    this.topic.check();
    const producer = this.mustBeOpen();
    const { shards } = this;
    for (const { shard } of records) {
      const exists = Number.isInteger(shard) && shard >= 0 && shard < shards;
      if (!exists) throw new RangeError(`there is no shard ${shard}, only 0 to ${shards - 1}`);
    }
    if (records.length > 0) await this.published.of(records.length, producer.publish(records));
  }

  /** @throws ShardsChangedError, BusUnavailableError */
  async consume(consumer: ShardConsumer): Promise<void> {
    if (this.group) throw new Error('the bus is consumed already');
    this.topic.check();
    this.mustBeOpen();
    const groupId = `${this.settings.topicPrefix}job`;
    this.group = new ShardGroup({
      kafka: kafkaClient(this.settings, patient(this.settings.sessionTimeoutMs)),
      topic: this.topic.name,
      topicNow: () => this.topic.ask(),
      groupId,
      life: () => this.topic.life,
      shards: this.shards,
      settings: this.settings,
      clock: this.clock,
      offsets: new ShardOffsets(this.admin, this.topic.name, groupId),
      retention: this.retention,
      consumer,
    });
  }

  /** From what is known already, so it answers at once also when Kafka does not. */
  problem(): Promise<string | undefined> {
    return Promise.resolve(
      this.closed
        ? 'the bus is closed'
        : (this.topic.problem() ?? this.producer?.problem() ?? this.group?.problem() ?? this.retention.problem()),
    );
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async begin(): Promise<void> {
    const { log, door } = this.settings;
    if (door?.user && !door.tls && !door.isNear) {
      log.warn({}, 'Kafka is spoken to without TLS: who is on the way can read all messages, and try passwords');
    }
    await this.topic.open(this.closing.signal);
    if (this.closing.signal.aborted) throw new BusUnavailableError('the bus was closed before it was open');
    this.producer = new GatheringProducer(this.kafka, this.topic.name, this.settings, this.clock, (partitions) => {
      if (partitions === undefined) this.topic.check();
      else this.topic.saw(partitions);
    });
  }

  private mustBeOpen(): GatheringProducer {
    if (this.closed) throw new BusUnavailableError('the bus is closed');
    if (!this.producer) throw new BusUnavailableError(this.topic.problem() ?? 'the bus is not open');
    return this.producer;
  }

  private async end(): Promise<void> {
    this.closing.abort();
    await Promise.all([this.group?.close(), this.producer?.close()]);
    this.topic.close();
    this.look.close();
    this.admin.close();
  }
}
