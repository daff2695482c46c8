import type { Admin } from 'kafkajs';
import type { KafkaLink } from './kafka-link.js';
import type { Standing } from './place.js';

/** Where the shards stand in Kafka. */
export class ShardOffsets {
  constructor(
    private readonly admin: KafkaLink<Admin>,
    private readonly topic: string,
    private readonly groupId: string,
  ) {}

  /** By shard. */
  standing(): Promise<Map<number, Standing>> {
    return this.admin.use(async (admin) => {
      // The ends after the commits, or one that was made meanwhile would seem to lie beyond the end.
      const groups = await admin.fetchOffsets({ groupId: this.groupId, topics: [this.topic] });
      const ends = await admin.fetchTopicOffsets(this.topic);
      const committed = new Map(groups[0]!.partitions.map((one) => [one.partition, one]));
      return new Map(
        ends.map(({ partition, low, high }) => {
          const { offset = '-1', metadata } = committed.get(partition) ?? {};
          const committedOffset = Number(offset);
          return [
            partition,
            { committed: committedOffset, metadata: metadata ?? '', low: Number(low), high: Number(high) },
          ];
        }),
      );
    });
  }
}
