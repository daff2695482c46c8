import type { Clock, Log, Metrics } from '@app/runtime';
import type { ISocketFactory } from 'kafkajs';
import type { KafkaDoor } from '../kafka.config.js';

/** Everything that can be said about the Kafka twin, in one place. */
export interface KafkaBusOptions {
  /** `host:port`, any that can tell of the others. */
  brokers: readonly string[];
  door?: KafkaDoor;
  /** Before the names of topic and group: `skylark.` makes `skylark.records` and `skylark.job`. */
  topicPrefix: string;
  /** Partitions of the topic if we are the first to come; from then on the topic says. */
  shards: number;
  clientId: string;
  log: Log;
  metrics: Metrics;
  clock?: Clock;

  /** Bytes that may wait to be sent, all publishes together. */
  maxBytes?: number;
  /** After which a publish that is not acknowledged is given up. */
  publishTimeoutMs?: number;
  /** Bytes per shard that are read before they are taken; one fetch more may come on top. */
  readAheadBytes?: number;
  /** Records before the committed offset that a shard's new owner reads to remember them, and their bytes, about. */
  recallRecords?: number;
  recallBytes?: number;
  /** How often what was committed is told to Kafka. */
  commitMs?: number;
  /** How often the topic is looked at. */
  watchMs?: number;
  /** Silence after which the group gives a member's shards to others. */
  sessionTimeoutMs?: number;
  /** How often a member tells the group that it lives, and so how soon it hears of a rebalance. */
  heartbeatMs?: number;
  /** What the group waits for its members to join again. */
  rebalanceTimeoutMs?: number;
  connectTimeoutMs?: number;
  requestTimeoutMs?: number;
  /** How long `close` waits for running takes, and for what was published. */
  closeTimeoutMs?: number;
  /** Copies of each partition; the broker's default unless told. */
  replicationFactor?: number;
  /** How a connection is made, for whoever has a network between. */
  socketFactory?: ISocketFactory;
}

const DEFAULTS = {
  maxBytes: 64 * 1024 * 1024,
  publishTimeoutMs: 10_000,
  readAheadBytes: 1024 * 1024,
  recallRecords: 10_000,
  recallBytes: 1024 * 1024,
  commitMs: 100,
  watchMs: 2_000,
  sessionTimeoutMs: 10_000,
  heartbeatMs: 1_000,
  rebalanceTimeoutMs: 30_000,
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 4_000,
  closeTimeoutMs: 10_000,
};

export type KafkaSettings = KafkaBusOptions & typeof DEFAULTS;

/** The options, completed; one that is given as undefined counts as not given. */
export function kafkaSettings(options: KafkaBusOptions): KafkaSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...DEFAULTS, ...(given as unknown as KafkaBusOptions) };
}
