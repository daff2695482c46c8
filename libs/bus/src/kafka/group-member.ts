import { type Log, backoffMs, pause } from '@app/runtime';
import kafkajs, {
  type Consumer,
  type EachBatchPayload,
  type Kafka,
  type PartitionAssigner,
  type TopicOffsets,
} from 'kafkajs';
import { isPassing, patient, saying } from './kafka-client.js';
import type { KafkaSettings } from './kafka.options.js';
import { within } from './time-limit.js';

/** What happens to a member of the group. */
export interface MemberEvents {
  /** It is about to join again, or has crashed: what it was given is not its own any more. */
  losing(): void;
  /** It has joined and was given these shards; nothing is read before this returns. */
  joined(shards: readonly number[]): void;
  /** A batch of one shard. What is not resolved is read again. */
  read(batch: EachBatchPayload): Promise<void>;
}

export interface MemberOptions {
  kafka: Kafka;
  topic: string;
  groupId: string;
  shards: number;
  settings: KafkaSettings;
}

/** A member of the group for as long as it is wanted: one kafkajs consumer after the other, when they crash. */
export class GroupMember {
  private consumer: Consumer | undefined;
  private readonly accepted = new WeakMap<object, number>();
  private readonly leaving = new AbortController();
  private readonly log: Log;
  private readonly living: Promise<void>;
  private crash: (error: Error) => void = () => {};
  private stop: () => void = () => {};
  private trouble = 'the group of the jobs was not joined yet';

  constructor(
    private readonly options: MemberOptions,
    private readonly events: MemberEvents,
  ) {
    this.log = options.settings.log;
    this.living = this.live();
  }

  /** Why it is not in the group, if it is not. */
  get whyNot(): string {
    return this.trouble;
  }

  /** The generation under which Kafka took a commit of exactly this list; undefined if it did not. */
  acceptedAs(topics: TopicOffsets[]): number | undefined {
    return this.accepted.get(topics);
  }

  /** Reads nothing of these shards until `resume`. */
  pause(shards: readonly number[]): void {
    this.whileRunning((consumer) => consumer.pause([{ topic: this.options.topic, partitions: [...shards] }]));
  }

  resume(shard: number): void {
    this.whileRunning((consumer) => consumer.resume([{ topic: this.options.topic, partitions: [shard] }]));
  }

  /** Reads on at `offset`, whatever was committed. */
  seek(shard: number, offset: number): void {
    const { topic } = this.options;
    this.whileRunning((consumer) => consumer.seek({ topic, partition: shard, offset: String(offset) }));
  }

  /** Leaves the group and joins it anew, as a new member. */
  rejoin(why: string): void {
    this.crash(new Error(why));
  }

  /** Leaves the group, so that the others need not miss it first; gives up waiting after the time of a request. */
  async leave(): Promise<void> {
    this.leaving.abort();
    this.stop();
    await within(this.options.settings.requestTimeoutMs, 'the group was not left', this.living).catch(
      (error: unknown) => this.log.warn({ err: error }, 'Kafka was left without a word'),
    );
  }

  private async live(): Promise<void> {
    for (let attempt = 1; !this.leaving.signal.aborted; attempt += 1) {
      const consumer = this.makeConsumer();
      this.consumer = consumer;
      consumer.on(consumer.events.GROUP_JOIN, () => {
        attempt = 1;
      });
      try {
        const over = this.over(consumer);
        await this.run(consumer);
        await over;
      } catch (error) {
        this.trouble = `the group of the jobs was lost: ${saying(error)}`;
        const level = attempt > 1 ? 'debug' : isPassing(error) ? 'info' : 'warn';
        this.log[level]({ attempt, err: error }, 'not in the group of the jobs, joining again');
      }
      this.events.losing();
      await within(this.options.settings.closeTimeoutMs, 'kafkajs did not end', consumer.disconnect()).catch(() => {});
      await pause(backoffMs(attempt), this.leaving.signal);
    }
  }

  private makeConsumer(): Consumer {
    const { kafka, groupId, settings, topic } = this.options;
    const isCurrent = () => consumer === this.consumer;
    const consumer: Consumer = kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: settings.sessionTimeoutMs,
      heartbeatInterval: settings.heartbeatMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      maxWaitTimeInMs: 100,
      metadataMaxAge: 30_000,
      partitionAssigners: [announced(() => isCurrent() && this.events.losing())],
      retry: { ...patient(settings.sessionTimeoutMs), restartOnFailure: async () => false },
    });
    // kafkajs hands on the very list that was committed, which is how a commit knows its own answer.
    consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
      this.accepted.set(payload.topics, payload.groupGenerationId);
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      if (isCurrent()) this.events.joined(payload.memberAssignment[topic] ?? []);
    });
    return consumer;
  }

  private async run(consumer: Consumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [this.options.topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false, // it would commit what is read, not what is handed over
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.options.shards,
      eachBatch: (payload) => this.events.read(payload),
    });
  }

  /** Rejects when the consumer has crashed, resolves when it is to leave. */
  private over(consumer: Consumer): Promise<void> {
    const over = new Promise<void>((resolve, reject) => {
      this.crash = reject;
      this.stop = resolve;
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      if (this.leaving.signal.aborted) resolve();
    });
    over.catch(() => {}); // it may crash while it is still being started
    return over;
  }

  private whileRunning(task: (consumer: Consumer) => void): void {
    try {
      if (this.consumer) task(this.consumer);
    } catch {
      // kafkajs has no group any more: the next one begins with everything anew
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
