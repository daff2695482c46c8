import kafkajs from 'kafkajs';
import type { Push } from './journal.js';
import { shards } from './layout.js';

/** How many records of Kafka the producer's pushes are: one for each push and shard. */
export interface OwnRecords {
  /** Of the pushes that were accepted. */
  owed: number;
  /** Of those that were sent and never answered 202: each is held or not. */
  unsure: number;
  /** If every attempt had left its records. */
  most: number;
}

const partition = kafkajs.Partitioners.DefaultPartitioner();
const partitionMetadata = Array.from({ length: shards }, (_, partitionId) => ({ partitionId, leader: 0 }));

/** The shard of a channel, by the word of another client of Kafka than the system's. */
export const shardOf = (channel: string): number =>
  partition({
    topic: '',
    partitionMetadata: partitionMetadata as never,
    message: { key: `default/${channel}`, value: null },
  });

export function ownRecords(pushes: Iterable<Push>): OwnRecords {
  const known = new Map<string, number>();
  const records = { owed: 0, unsure: 0, most: 0 };
  for (const { channels, acceptedAt, attempts } of pushes) {
    const its = new Set<number>();
    for (const channel of channels) {
      let shard = known.get(channel);
      if (shard === undefined) known.set(channel, (shard = shardOf(channel)));
      its.add(shard);
    }
    records.most += attempts * its.size;
    if (acceptedAt !== undefined) records.owed += its.size;
    else if (attempts > 0) records.unsure += its.size;
  }
  return records;
}
