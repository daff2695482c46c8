import { randomBytes } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { patient } from './kafka-client.js';

/** One stretch of the log that is being read. */
interface Stretch {
  next: number;
  /** The offset after the last one that is asked for. */
  end: number;
  visit: (message: KafkaMessage) => void;
  done: () => void;
}

/**
 * Reads a topic of one partition from any place up to another. kafkajs reads in groups only, so it makes one for itself,
 * which commits nothing; `group` is its name, for whoever removes it afterwards.
 */
export class DeadTopicReader {
  readonly group: string;
  private readonly consumer: Consumer;
  private stretch: Stretch | undefined;

  constructor(
    kafka: Kafka,
    private readonly topic: string,
    sessionTimeoutMs: number,
  ) {
    this.group = `${topic}.${randomBytes(6).toString('hex')}`;
    this.consumer = kafka.consumer({
      groupId: this.group,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionTimeoutMs,
      maxWaitTimeInMs: 100,
      retry: patient(sessionTimeoutMs),
    });
  }

  async open(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.take(payload),
    });
  }

  /** Shows each record from `from` on, below `end`, of which there must be one: in order, those that are still held. */
  read(from: number, end: number, visit: (message: KafkaMessage) => void): Promise<void> {
    return new Promise((resolve) => {
      this.stretch = { next: from, end, visit, done: resolve };
      this.consumer.seek({ topic: this.topic, partition: 0, offset: String(from) });
      this.consumer.resume([{ topic: this.topic }]);
    });
  }

  async close(): Promise<void> {
    await this.consumer.disconnect();
  }

  private take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { stretch } = this;
    for (const message of batch.messages) {
      const offset = Number(message.offset);
      if (!stretch || offset < stretch.next || offset >= stretch.end) continue;
      stretch.next = offset + 1;
      stretch.visit(message);
    }
    payload.resolveOffset(batch.lastOffset());
    if (stretch && Number(batch.lastOffset()) >= stretch.end - 1) {
      this.stretch = undefined;
      this.consumer.pause([{ topic: this.topic }]);
      stretch.done();
    }
    return Promise.resolve();
  }
}
