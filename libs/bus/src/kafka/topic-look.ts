import type { Admin, Kafka } from 'kafkajs';
import { KafkaLink } from './kafka-link.js';
import {
  type KafkaRequest,
  METADATA_KEY,
  METADATA_VERSION,
  metadataRequest,
  type TopicAnswer,
  type TopicSeen,
} from './topic-metadata.js';

/** Kafka is there, and the topic is not. */
export class NoTopicError extends Error {
  override readonly name = 'NoTopicError';
}

const UNKNOWN_TOPIC = 3;

/** The parts of kafkajs's own cluster that its types do not tell of. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  brokerPool: { findConnectedBroker(): Promise<Broker> };
}

interface Broker {
  versions: Record<number, { maxVersion: number } | undefined>;
  connectionPool: { send<T>(request: KafkaRequest<T>): Promise<T> };
}

/** Looks at one topic, over a connection of kafkajs's, in a request that kafkajs does not know. */
export class TopicLook {
  private readonly link: KafkaLink<Cluster>;

  constructor(
    kafka: Kafka,
    private readonly admin: KafkaLink<Admin>,
    private readonly topic: string,
    limitMs: number,
  ) {
    this.link = new KafkaLink(() => clusterOf(kafka), limitMs);
  }

  /** @throws NoTopicError, or any other error when Kafka is not there. */
  async look(): Promise<TopicSeen> {
    const answer = await this.link.use(async (cluster) => {
      const { versions, connectionPool } = await cluster.brokerPool.findConnectedBroker();
      const tellsIds = (versions[METADATA_KEY]?.maxVersion ?? 0) >= METADATA_VERSION;
      return tellsIds ? connectionPool.send(metadataRequest(this.topic)) : this.lookWithoutId();
    });
    if (answer.error === UNKNOWN_TOPIC) throw new NoTopicError(`there is no topic ${this.topic}`);
    if (answer.error !== 0) throw new Error(`error ${answer.error} of Kafka for the topic ${this.topic}`);
    return answer;
  }

  close(): void {
    this.link.close();
  }

  private async lookWithoutId(): Promise<TopicAnswer> {
    return this.admin.use(async (admin) => {
      const { clusterId } = await admin.describeCluster();
      const { topics } = await admin.fetchTopicMetadata({ topics: [this.topic] });
      return { clusterId, shards: topics[0]!.partitions.length, id: undefined, error: 0 };
    });
  }
}

/** @throws when kafkajs is another one than we know. */
function clusterOf(kafka: Kafka): Cluster {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith(':createCluster'));
  if (!key) throw new Error('this version of kafkajs makes no cluster that we know');
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[key]!;
  return create({ allowAutoTopicCreation: false });
}
