import { type Log, persist } from '@app/runtime';
import type { EachBatchPayload, TopicOffsets } from 'kafkajs';
import { isRefusal, kafkaType } from './kafka-client.js';
import type { KafkaShard, ShardCommits } from './kafka-shard.js';
import { metadataOf, type Place } from './place.js';

/** A shard that the group gave us: where to read on, and the shard itself once its first record is there. */
export interface Slot {
  next: number;
  /** Where reading begins: what lies before `start` is only remembered. */
  readonly from: number;
  /** Where it starts with us. */
  readonly start: Place;
  shard?: KafkaShard;
  /** What was read to be remembered. */
  readonly recalled: { records: number; bytes: number; isCutShort: boolean };
  /** The offset of a record that came too early once. */
  early?: number;
  /** Whether Kafka is asked for no more, because enough was read ahead. */
  isFull: boolean;
}

export interface GenerationOptions {
  topic: string;
  log: Log;
  /** The generation under which Kafka took the commit of these topics; undefined if it did not. */
  acceptedAs: (topics: TopicOffsets[]) => number | undefined;
  /** Hears that Kafka takes no commits from us, because we are not who we think. */
  onRefused: (error: unknown) => void;
}

/**
 * What this member has of the group between one join and the next. Everything that is known of a shard hangs here, so
 * that nothing of it outlives the generation; above all no commit, which kafkajs would send under the next one.
 */
export class Generation implements ShardCommits {
  readonly slots = new Map<number, Slot>();
  /** kafkajs's own commit, the one that tries once: known with the first batch. */
  send: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;
  /** The topic's id when we looked where to start; undefined before that, and where Kafka tells none. */
  topicId: string | undefined;
  private readonly lost = new AbortController();
  private readonly due = new Map<number, Place>();
  /** Commits go one after the other, or an older one could arrive last. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: GenerationOptions) {}

  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** Ends it: no commit is sent from here on, every shard's signal is aborted. */
  lose(): void {
    this.lost.abort();
    for (const { shard } of this.slots.values()) shard?.lose();
  }

  commitSoon(shard: number, place: Place): void {
    this.due.set(shard, place);
  }

  /** Tells Kafka what is due; what it did not take stays due. */
  async flush(): Promise<void> {
    if (this.due.size === 0 || this.signal.aborted) return;
    const places = new Map(this.due);
    await this.commit(places);
    for (const [shard, place] of places) if (this.due.get(shard) === place) this.due.delete(shard);
  }

  /**
   * Commits once more and answers the generation that Kafka accepted it under. A network that is down is waited for.
   * @throws when Kafka refuses or the shard is not ours any more.
   */
  fence(shard: number, place: Place): Promise<number> {
    return persist(() => this.commit(new Map([[shard, place]])), { signal: this.signal });
  }

  /** One try. @throws when Kafka refuses, is not there, or the generation is over. */
  commit(places: ReadonlyMap<number, Place>): Promise<number> {
    const turn = this.last.then(() => this.commitNow(places));
    this.last = turn.catch(() => {});
    return turn;
  }

  private async commitNow(places: ReadonlyMap<number, Place>): Promise<number> {
    if (this.signal.aborted || !this.send) throw new Error('the generation is over: the shards may be others’ now');
    const partitions = [...places].map(([partition, place]) => ({
      partition,
      offset: String(place.offset),
      metadata: metadataOf(place, this.topicId),
    }));
    const topics = [{ topic: this.options.topic, partitions }];
    try {
      await this.send({ topics });
    } catch (error) {
      this.options.log.debug({ type: kafkaType(error), err: error }, 'a commit was not taken');
      if (isRefusal(error)) this.options.onRefused(error);
      throw error;
    }
    const generation = this.options.acceptedAs(topics);
    if (generation === undefined) throw new Error('Kafka did not say under which generation it took a commit');
    return generation;
  }
}
