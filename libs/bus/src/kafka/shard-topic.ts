import { type Clock, type Timer, persist } from '@app/runtime';
import type { Admin } from 'kafkajs';
import { BusUnavailableError, ShardsChangedError } from '../bus.js';
import { saying } from './kafka-client.js';
import type { KafkaLink } from './kafka-link.js';
import type { KafkaSettings } from './kafka.options.js';
import { NoTopicError, type TopicLook } from './topic-look.js';
import type { TopicSeen } from './topic-metadata.js';

export interface TopicEvents {
  /** Once, when the number of partitions is not what it was. */
  onShards(error: ShardsChangedError): void;
  /** The topic is another one under the same name, with the same number of partitions. */
  onRemade(id: string): void;
}

/** The topic whose partitions are the shards: made by whoever comes first, then read and watched. */
export class ShardTopic {
  readonly name: string;
  private count: number | undefined;
  private seen: TopicSeen | undefined;
  private trouble: string | undefined;
  private changed: ShardsChangedError | undefined;
  private watching: Timer | undefined;
  private looking = false;

  constructor(
    private readonly settings: KafkaSettings,
    private readonly admin: KafkaLink<Admin>,
    private readonly topicLook: TopicLook,
    private readonly clock: Clock,
    private readonly events: TopicEvents,
  ) {
    this.name = topicName(settings);
    this.trouble = `Kafka at ${settings.brokers.join(', ')} has not answered yet`;
  }

  get shards(): number {
    if (this.count === undefined) throw new BusUnavailableError(this.problem() ?? 'the number of shards is not known');
    return this.count;
  }

  /** This life of the bus: cluster, topic, number of shards. */
  get life(): string {
    return `${this.seen?.clusterId}/${this.name}/${this.shards}`;
  }

  /** Waits for Kafka as long as it takes, makes the topic if there is none, and keeps an eye on it from then on. */
  async open(signal: AbortSignal): Promise<void> {
    const { log } = this.settings;
    const found = await persist(() => this.find(), {
      signal,
      maxMs: 2_000,
      onFailure: (error, attempt) => {
        this.trouble = this.unreachable(error);
        log[attempt === 1 ? 'warn' : 'debug']({ attempt, why: this.trouble, err: error }, 'Kafka is waited for');
      },
    });
    this.count = found.shards;
    this.seen = found;
    this.trouble = undefined;
    log.info({ topic: this.name, ...found }, 'the bus is open');
    if (found.shards !== this.settings.shards) {
      log.warn(
        { topic: this.name, shards: found.shards, asked: this.settings.shards },
        'the topic was there with another number of shards, and that number holds',
      );
    }
    this.watching = this.clock.every(this.settings.watchMs, () => void this.look());
  }

  close(): void {
    this.watching?.stop();
  }

  /** @throws ShardsChangedError */
  check(): void {
    if (this.changed) throw this.changed;
  }

  problem(): string | undefined {
    return this.changed?.message ?? this.trouble;
  }

  /** Anyone who learns the number of partitions says it here. @throws ShardsChangedError */
  saw(partitions: number): void {
    if (this.count !== undefined && partitions !== this.count && !this.changed) {
      this.changed = new ShardsChangedError(
        `the topic ${this.name} has ${partitions} partitions, and had ${this.count} when this process started: ` +
          'channels would change their shards; stop every process, then start them again',
      );
      this.settings.log.error({ topic: this.name, partitions, shards: this.count }, this.changed.message);
      this.events.onShards(this.changed);
    }
    this.check();
  }

  /** Looks at the topic now. @throws ShardsChangedError, NoTopicError, or any other error when Kafka is not there. */
  async ask(): Promise<TopicSeen> {
    const seen = await this.topicLook.look();
    this.saw(seen.shards);
    const before = this.seen;
    this.seen = seen;
    if (before?.id && seen.id && before.id !== seen.id) {
      const { name: topic } = this;
      this.settings.log.error({ topic, from: before.id, to: seen.id }, 'the topic was made anew: offsets begin again');
      this.events.onRemade(seen.id);
    }
    return seen;
  }

  private async look(): Promise<void> {
    if (this.looking || this.changed) return;
    this.looking = true;
    try {
      await this.ask();
      if (this.trouble) this.settings.log.info({}, 'Kafka answers again');
      this.trouble = undefined;
    } catch (error) {
      const why = this.unreachable(error);
      if (!this.trouble && !this.changed) this.settings.log.warn({ why, err: error }, 'Kafka does not answer');
      this.trouble = why;
    } finally {
      this.looking = false;
    }
  }

  private async find(): Promise<TopicSeen> {
    await this.admin.use(async (admin) => {
      if (!(await admin.listTopics()).includes(this.name)) {
        const { shards, replicationFactor = -1 } = this.settings;
        // False when somebody else came first, who then decides the number.
        const isNew = await admin.createTopics({
          topics: [{ topic: this.name, numPartitions: shards, replicationFactor }],
          waitForLeaders: true,
        });
        if (isNew) this.settings.log.info({ topic: this.name, shards }, 'made the topic');
      }
    });
    return this.topicLook.look();
  }

  private unreachable(error: unknown): string {
    if (error instanceof NoTopicError)
      return `the topic ${this.name} is gone: make it again with ${this.count} partitions`;
    return `Kafka at ${this.settings.brokers.join(', ')} cannot be used: ${saying(error)}`;
  }
}

export function topicName({ topicPrefix }: KafkaSettings): string {
  return `${topicPrefix}records`;
}
