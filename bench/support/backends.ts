import { startKafka } from '../../test/support/kafka-server.js';
import { startRedis } from '../../test/support/redis-server.js';

/** Where Redis and Kafka are. */
export interface Backends {
  env: { REDIS_URL: string; KAFKA_BROKERS: string };
  close(): Promise<void>;
}

/** Those that REDIS_URL and KAFKA_BROKERS name, or a Redis and a Kafka of our own for as long as they are needed. */
export async function startBackends(): Promise<Backends> {
  const { REDIS_URL, KAFKA_BROKERS } = process.env;
  const [redis, kafka] = await Promise.all([
    REDIS_URL ? undefined : startRedis(),
    KAFKA_BROKERS ? undefined : startKafka(),
  ]);
  return {
    env: { REDIS_URL: REDIS_URL ?? redis!.url, KAFKA_BROKERS: KAFKA_BROKERS ?? kafka!.brokers },
    close: async () => void (await Promise.all([redis?.stop(), kafka?.stop()])),
  };
}
