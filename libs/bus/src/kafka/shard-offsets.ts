import type { AdminLink } from './admin-link.js';

/** Where a shard stands in Kafka. Offsets below 0 mean that nothing was committed. */
export interface Standing {
  committed: number;
  /** What was said with the commit; '' when nothing was. */
  note: string;
  /** The first record that is still held. */
  low: number;
  /** The offset of the next record to come. */
  high: number;
}

/** What Kafka knows of the shards beside their records. */
export class ShardOffsets {
  constructor(
    private readonly admin: AdminLink,
    private readonly topic: string,
    private readonly groupId: string,
  ) {}

  /** By shard. */
  standing(): Promise<Map<number, Standing>> {
    return this.admin.use(async (admin) => {
      const [groups, ends] = await Promise.all([
        admin.fetchOffsets({ groupId: this.groupId, topics: [this.topic] }),
        admin.fetchTopicOffsets(this.topic),
      ]);
      const committed = new Map(groups[0]!.partitions.map((one) => [one.partition, one]));
      return new Map(
        ends.map(({ partition, low, high }) => [
          partition,
          {
            committed: Number(committed.get(partition)?.offset ?? -1),
            note: committed.get(partition)?.metadata ?? '',
            low: Number(low),
            high: Number(high),
          },
        ]),
      );
    });
  }
}
