import { EventEmitter, getEventListeners, once } from 'node:events';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import type { EachBatchPayload, Kafka } from 'kafkajs';
import type { BusEntry, OwnedShard } from '../bus.js';
import { Taking, numbers } from '../bus.contract.js';
import { kafkaSettings } from './kafka.options.js';
import type { Standing } from './place.js';
import { RetentionWatch } from './retention-watch.js';
import { ShardGroup } from './shard-group.js';
import type { ShardOffsets } from './shard-offsets.js';

type Read = (payload: EachBatchPayload) => Promise<void>;

/** A consumer of kafkajs that is given its shards and batches by hand. */
class FakeConsumer extends EventEmitter {
  readonly events = { GROUP_JOIN: 'join', COMMIT_OFFSETS: 'commit', CRASH: 'crash' };
  private read!: Read;

  constructor(private readonly broker: FakeKafka) {
    super();
  }

  connect = async () => {};
  subscribe = async () => {};
  pause = () => {};
  resume = () => {};
  seek = ({ offset }: { offset: string }) => void this.emit('sought', Number(offset));
  disconnect = async () => {};
  run = async ({ eachBatch }: { eachBatch: Read }) => {
    this.read = eachBatch;
    this.broker.emit('running', this);
  };

  /** Is given shard 0; resolves with where it begins to read. */
  async join(): Promise<number> {
    const sought = once(this, 'sought');
    this.broker.generation += 1;
    this.emit('join', { payload: { memberAssignment: { t: [0] } } });
    return (await sought)[0] as number;
  }

  async bring(from: number, to: number): Promise<void> {
    const messages = numbers(from, to).map((offset) => ({ offset, key: null, value: Buffer.from(offset) }));
    const batch = {
      partition: 0,
      messages,
      firstOffset: () => String(from),
      lastOffset: () => String(to),
    };
    const commitOffsetsIfNecessary = async ({
      topics,
    }: {
      topics: { partitions: { offset: string; metadata: string }[] }[];
    }) => {
      const { offset, metadata } = topics[0]!.partitions[0]!;
      Object.assign(this.broker.standing, { committed: Number(offset), metadata });
      this.emit('commit', { payload: { topics, groupGenerationId: this.broker.generation } });
    };
    await this.read({ batch, resolveOffset: () => {}, commitOffsetsIfNecessary } as unknown as EachBatchPayload);
  }
}

class FakeKafka extends EventEmitter {
  generation = 0;
  readonly standing: Standing = { committed: -1, metadata: '', low: 0, high: 10 };
  consumer = () => new FakeConsumer(this);
}

async function open({ recallRecords = 0, standing }: { recallRecords?: number; standing?: Partial<Standing> } = {}) {
  const kafka = new FakeKafka();
  Object.assign(kafka.standing, standing);
  const metrics = new Metrics();
  const clock = new ManualClock();
  const settings = kafkaSettings({
    brokers: ['there:1'],
    topicPrefix: '',
    shards: 1,
    clientId: 'test',
    log: silentLog,
    metrics,
    recallRecords,
  });
  const remembered: number[] = [];
  const taking = Object.assign(new Taking(), {
    remember: async (_: OwnedShard, entries: readonly BusEntry[]) =>
      void remembered.push(...entries.map(({ offset }) => offset)),
  });
  const running = once(kafka, 'running');
  const group = new ShardGroup({
    kafka: kafka as unknown as Kafka,
    topic: 't',
    groupId: 'g',
    shards: 1,
    settings,
    clock,
    life: () => 'life',
    topicNow: async () => ({ shards: 1, clusterId: 'c', id: undefined }),
    offsets: { standing: async () => new Map([[0, { ...kafka.standing }]]) } as unknown as ShardOffsets,
    retention: new RetentionWatch(silentLog, metrics, clock),
    consumer: taking,
  });
  const [consumer] = (await running) as [FakeConsumer];
  return { kafka, group, consumer, taking, remembered, metrics };
}

describe('a group whose shard', () => {
  it('is cut short while it is read begins again at the start of the log, as a beginning', async () => {
    const { kafka, group, consumer, taking } = await open();
    expect(await consumer.join()).toBe(0);
    await consumer.bring(0, 9);
    await taking.when(() => taking.values(0).length === 10);
    const before = taking.shards.get(0)!;

    kafka.standing.high = 4; // and kafkajs goes to the log's begin, because its place is no more
    const running = once(kafka, 'running');
    await consumer.bring(0, 3);
    expect(kafka.standing).toMatchObject({ committed: 0, metadata: '-* ' });
    const [next] = (await running) as [FakeConsumer];
    expect(before.signal.aborted).toBe(true);
    expect(taking.values(0).length).toBe(10);

    expect(await next.join()).toBe(0);
    await next.bring(0, 3);
    await taking.when(() => taking.values(0).length === 14);
    expect(taking.shards.get(0)).toMatchObject({ isBeginning: true, ownerEpoch: 2 });
    await group.close();
  });

  it('was sought back counts what retention took, though a batch from before came too early', async () => {
    const { kafka, group, consumer, taking, metrics } = await open();
    await consumer.join();
    taking.commits = false;
    await consumer.bring(0, 9);
    await taking.when(() => taking.values(0).length === 10);
    const sought = once(consumer, 'sought');
    taking.shards.get(0)!.seekBack();
    expect((await sought)[0]).toBe(0);
    kafka.standing.high = 20;
    await consumer.bring(10, 12); // on its way when it was sought back
    expect(taking.values(0).length).toBe(10);
    await consumer.bring(0, 7);
    kafka.standing.low = 10;
    await consumer.bring(10, 12);
    const { values } = await metrics.dropped.get();
    expect(values).toEqual([{ labels: { stage: 'bus', reason: 'retention' }, value: 2 }]);
    await group.close();
  });

  it('is sought back while its new owner is still shown what owners before had is shown all of it again', async () => {
    const standing = { committed: 10, metadata: '- note' };
    const { group, consumer, taking, remembered } = await open({ recallRecords: 10, standing });
    expect(await consumer.join()).toBe(0);
    let owned: OwnedShard | undefined;
    const { remember } = taking;
    const shown = new Promise<void>((resolve) => {
      taking.remember = async (shard, entries) => {
        owned = shard;
        await remember(shard, entries);
        resolve();
      };
    });
    await consumer.bring(0, 4);
    await shown;
    const sought = once(consumer, 'sought');
    owned!.seekBack();
    expect((await sought)[0]).toBe(0);
    await consumer.bring(0, 12);
    await taking.when(() => taking.values(0).length === 3);
    expect(remembered).toEqual([...numbers(0, 4), ...numbers(0, 9)].map(Number));
    expect(taking.values(0)).toEqual(numbers(10, 12));
    await group.close();
  });

  it('is lost again and again keeps nothing of the consumers that were', async () => {
    const adding = jest.spyOn(EventTarget.prototype, 'addEventListener');
    const { kafka, group, consumer } = await open();
    let current = consumer;
    for (let times = 0; times < 3; times += 1) {
      const running = once(kafka, 'running');
      current.emit('crash', { payload: { error: new Error('gone') } });
      [current] = (await running) as [FakeConsumer];
    }
    const listeners = adding.mock.contexts.map((target) => getEventListeners(target as EventTarget, 'abort').length);
    adding.mockRestore();
    expect(Math.max(...listeners)).toBeLessThan(2);
    await group.close();
  });
});
