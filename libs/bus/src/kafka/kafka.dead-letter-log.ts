import { persist, SystemClock, type Clock } from '@app/runtime';
import type { Admin, Kafka, Message, Producer } from 'kafkajs';
import { BusUnavailableError } from '../bus.js';
import {
  DeadLetterLog,
  maxPageBytes,
  sourceName,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type DeadRecord,
} from '../dead-letter-log.js';
import { KafkaLink } from './kafka-link.js';
import { letterHeaders, markerHeaders, sightingOf } from './dead-letter-headers.js';
import { DeadTopicReader } from './dead-topic-reader.js';
import { kafkaClient, kafkaType, saying } from './kafka-client.js';
import { kafkaSettings, type KafkaBusOptions, type KafkaSettings } from './kafka.options.js';
import { within } from './time-limit.js';

/** Letters that one look at the topic considers at most; there may be a page after it. */
const MAX_CANDIDATES = 10_000;
/** Foreign records may be as large as their topic takes, and a letter has headers on top. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const RETENTION_MS = 30 * 24 * 3_600_000;
/** A group of our own is joined for every look, which a broker may put off for three seconds. */
const LIST_TIMEOUT_MS = 20_000;

/** Dead records in a Kafka topic of one partition, `<prefix>dead`, made by whoever has the first one. */
export class KafkaDeadLetterLog extends DeadLetterLog {
  readonly topic: string;
  private readonly source: string;
  private readonly settings: KafkaSettings;
  private readonly clock: Clock;
  private readonly kafka: Kafka;
  private readonly admin: KafkaLink<Admin>;
  private readonly closing = new AbortController();
  private producer: Promise<Producer> | undefined;

  constructor(options: KafkaBusOptions) {
    super();
    this.settings = kafkaSettings(options);
    this.clock = this.settings.clock ?? new SystemClock();
    this.topic = `${this.settings.topicPrefix}dead`;
    this.source = `${this.settings.topicPrefix}records`;
    this.kafka = kafkaClient(this.settings);
    this.admin = new KafkaLink(() => this.kafka.admin(), this.settings.requestTimeoutMs);
  }

  async put(record: DeadRecord, signal?: AbortSignal): Promise<void> {
    const ending = signal ? AbortSignal.any([signal, this.closing.signal]) : this.closing.signal;
    ending.throwIfAborted();
    const letter = (isCut: boolean): Message => ({
      key: record.key,
      value: isCut ? Buffer.alloc(0) : record.value,
      headers: letterHeaders(record, this.source, isCut),
    });
    let isCut = false;
    await persist(() => this.send([letter(isCut)]), {
      signal: ending,
      maxMs: 1_000,
      onFailure: (err, attempt) => {
        isCut ||= isTooLarge(err);
        const { shard, offset } = record.source;
        this.settings.log.warn({ err, attempt, shard, offset, isCut }, 'dead letter not kept yet');
      },
    });
  }

  async settle(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const now = this.clock.now();
    const markers = letters.map(({ key, source }) => ({ key, value: null, headers: markerHeaders(source, now) }));
    await this.answered(this.send(markers));
  }

  list(query: DeadLetterQuery): Promise<DeadLetterPage> {
    return this.answered(this.look(query));
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort(new BusUnavailableError('the dead letters are closed'));
    this.renew();
    this.admin.close();
    await Promise.resolve();
  }

  private async look({
    reason,
    sinceMs = 0,
    after = -1,
    before = Infinity,
    limit,
  }: DeadLetterQuery): Promise<DeadLetterPage> {
    const ends = await this.ends();
    const from = Math.max(ends.low, after + 1);
    const end = ends.high;
    if (from >= Math.min(end, before)) return { letters: [], end };
    const reader = new DeadTopicReader(this.kafka, this.topic, this.settings.sessionTimeoutMs);
    const letters: DeadLetter[] = [];
    let next: number | undefined;
    try {
      await within(LIST_TIMEOUT_MS, 'Kafka did not show the dead letters', reader.open());
      const isMeant = (letter: DeadLetter) =>
        letter.place < before && letter.diedAtMs >= sinceMs && (reason === undefined || letter.reason === reason);
      const found = new Candidates(isMeant);
      const all = reader.read(from, ends.high, (message) => found.see(message));
      await within(LIST_TIMEOUT_MS, 'Kafka did not show the dead letters', all);
      const places = found.places.slice(0, limit);
      next = places.length < found.places.length ? places.at(-1) : found.unseenFrom;
      const wanted = new Set(places);
      let bytes = 0;
      const take = (message: Parameters<typeof sightingOf>[0]) => {
        const sighting = wanted.has(Number(message.offset)) ? sightingOf(message) : undefined;
        if (sighting?.kind !== 'letter') return;
        bytes += sighting.letter.value.length;
        if (bytes <= maxPageBytes || letters.length === 0) letters.push(sighting.letter);
      };
      if (places.length > 0) {
        const page = reader.read(places[0]!, places.at(-1)! + 1, take);
        await within(LIST_TIMEOUT_MS, 'Kafka did not show the dead letters', page);
      }
      if (bytes > maxPageBytes && letters.length < places.length) next = letters.at(-1)!.place;
    } finally {
      void this.leave(reader);
    }
    return { letters, end, ...(next !== undefined && { next }) };
  }

  private async ends(): Promise<{ low: number; high: number }> {
    return this.admin.use(async (admin) => {
      if (!(await admin.listTopics()).includes(this.topic)) return { low: 0, high: 0 };
      const [ends] = await admin.fetchTopicOffsets(this.topic);
      return { low: Number(ends!.low), high: Number(ends!.high) };
    });
  }

  private async leave(reader: DeadTopicReader): Promise<void> {
    try {
      await reader.close();
      if (!this.closing.signal.aborted) await this.admin.use((admin) => admin.deleteGroups([reader.group]));
    } catch (error) {
      // Kafka forgets groups without members and offsets by itself.
      this.settings.log.debug({ err: error, group: reader.group }, 'a group was left behind');
    }
  }

  /** One attempt, with everything made anew after a failure. */
  private async send(messages: Message[]): Promise<void> {
    const { publishTimeoutMs, requestTimeoutMs: timeout } = this.settings;
    try {
      this.producer ??= this.connect();
      const sent = this.producer.then((producer) => producer.send({ topic: this.topic, acks: -1, timeout, messages }));
      await within(publishTimeoutMs, 'Kafka did not take a dead letter', sent);
    } catch (error) {
      this.renew();
      throw error;
    }
  }

  private async connect(): Promise<Producer> {
    await this.makeTopic();
    const producer = this.kafka.producer({ idempotent: false, allowAutoTopicCreation: false, retry: { retries: 0 } });
    await producer.connect();
    return producer;
  }

  private async makeTopic(): Promise<void> {
    await this.admin.use(async (admin) => {
      if ((await admin.listTopics()).includes(this.topic)) return;
      const { replicationFactor = -1 } = this.settings;
      const configEntries = [
        { name: 'cleanup.policy', value: 'delete' },
        { name: 'retention.ms', value: String(RETENTION_MS) },
        { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
      ];
      const topics = [{ topic: this.topic, numPartitions: 1, replicationFactor, configEntries }];
      const isNew = await admin.createTopics({ topics, waitForLeaders: true });
      if (isNew) this.settings.log.info({ topic: this.topic }, 'made the topic of dead letters');
    });
  }

  private renew(): void {
    this.producer?.then((producer) => producer.disconnect()).catch(() => {});
    this.producer = undefined;
  }

  private async answered<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      throw new BusUnavailableError(`the dead letters cannot be reached: ${saying(error)}`, { cause: error });
    }
  }
}

/** The places of letters that are meant and not settled, each source once. */
class Candidates {
  /** By source, oldest first. */
  private readonly bySource = new Map<string, number>();
  private readonly settled = new Set<string>();
  private last: number | undefined;
  private isFull = false;

  constructor(private readonly isMeant: (letter: DeadLetter) => boolean) {}

  get places(): number[] {
    return [...this.bySource.values()];
  }

  /** After which place letters were left out, for want of room. */
  get unseenFrom(): number | undefined {
    return this.isFull ? this.last : undefined;
  }

  see(message: Parameters<typeof sightingOf>[0]): void {
    const sighting = sightingOf(message);
    if (sighting.kind === 'marker') {
      const name = sourceName(sighting.source);
      this.settled.add(name);
      this.bySource.delete(name);
    } else if (sighting.kind === 'letter' && this.isMeant(sighting.letter)) this.add(sighting.letter);
  }

  private add({ source, place }: DeadLetter): void {
    const name = sourceName(source);
    if (this.isFull || this.settled.has(name) || this.bySource.has(name)) return;
    this.isFull = this.bySource.size === MAX_CANDIDATES;
    if (this.isFull) return;
    this.bySource.set(name, place);
    this.last = place;
  }
}

/** Kafka refuses it however often it is sent. */
function isTooLarge(error: unknown): boolean {
  const causes = [error, (error as Error).cause];
  return causes.some((cause) => /TOO_LARGE/.test((cause instanceof Error && kafkaType(cause)) || ''));
}
