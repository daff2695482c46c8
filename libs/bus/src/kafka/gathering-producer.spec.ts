import { ManualClock, Metrics, silentLog } from '@app/runtime';
import type { Kafka, ProducerBatch, RecordMetadata } from 'kafkajs';
import { BusUnavailableError, ShardsChangedError } from '../bus.js';
import { gate, numbers, record } from '../bus.contract.js';
import { GatheringProducer } from './gathering-producer.js';
import { kafkaSettings } from './kafka.options.js';

type Answer = (batch: ProducerBatch) => Promise<RecordMetadata[]>;

/** Takes every partition it is given. */
const taken: Answer = async ({ topicMessages = [] }) =>
  topicMessages[0]!.messages.map(({ partition }) => ({ topicName: 't', partition: partition!, errorCode: 0 }));

const onlyPartition0: Answer = async (batch) => (await taken(batch)).filter(({ partition }) => partition === 0);

const lost: Answer = () => Promise.reject(new Error('connection closed'));

const refused: Answer = () =>
  Promise.reject(Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE', retriable: false }));

/** A producer over a Kafka that answers each request as told, then takes everything. */
function producing({ answers = [], maxBytes }: { answers?: Answer[]; maxBytes?: number } = {}) {
  const requests: string[][] = [];
  const inFlight = { now: 0, most: 0 };
  const sendBatch = async (batch: ProducerBatch) => {
    requests.push(batch.topicMessages![0]!.messages.map(({ value }) => String(value)));
    inFlight.most = Math.max(inFlight.most, (inFlight.now += 1));
    try {
      return await (answers.shift() ?? taken)(batch);
    } finally {
      inFlight.now -= 1;
    }
  };
  const kafka = { producer: () => ({ connect: async () => {}, disconnect: async () => {}, sendBatch }) };
  const clock = new ManualClock();
  const change: { error?: Error } = {};
  const settings = kafkaSettings({
    brokers: ['there:1'],
    topicPrefix: '',
    shards: 2,
    clientId: 'c',
    log: silentLog,
    metrics: new Metrics(),
    ...(maxBytes && { maxBytes }),
  });
  const producer = new GatheringProducer(kafka as unknown as Kafka, 't', settings, clock, () => {
    if (change.error) throw change.error;
  });
  return { producer, requests, inFlight, clock, change };
}

describe('GatheringProducer', () => {
  it('has one request in flight, and the next carries what came meanwhile, in order', async () => {
    const first = gate();
    const { producer, requests, inFlight } = producing({
      answers: [(batch) => first.promise.then(() => taken(batch))],
    });
    const publishes = [producer.publish([record(0, '1')])];
    await Promise.resolve();
    await Promise.resolve();
    publishes.push(...numbers(2, 9).map((value) => producer.publish([record(0, value)])));
    first.open();
    await Promise.all(publishes);

    expect(requests.flat()).toEqual(numbers(1, 9));
    expect(inFlight.most).toBe(1);
    expect(requests).toHaveLength(2);
  });

  it('sends the same again, before anything newer, when no answer comes', async () => {
    const { producer, requests } = producing({ answers: [lost] });
    const first = producer.publish([record(0, '1'), record(1, '2')]);
    const second = producer.publish([record(0, '3')]);
    await Promise.all([first, second]);
    expect(requests[1]).toEqual(requests[0]);
    expect(requests.flat().at(-1)).toBe('3');
  });

  it('does not take an answer for records of which the answer says nothing', async () => {
    const { producer, requests } = producing({ answers: [onlyPartition0] });
    await producer.publish([record(0, 'a'), record(1, 'b')]);
    expect(requests).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('gives a publish up after its time, and never sends it afterwards', async () => {
    const stuck = gate();
    const { producer, requests, clock } = producing({ answers: [(batch) => stuck.promise.then(() => taken(batch))] });
    const inFlight = producer.publish([record(0, 'in flight')]);
    await until(() => requests.length === 1);
    const waiting = producer.publish([record(0, 'waiting')]);
    const outcomes = Promise.allSettled([inFlight, waiting]);
    clock.advance(10_250);
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(BusUnavailableError) as unknown });
    }
    stuck.open();
    await producer.publish([record(0, 'later')]);
    expect(requests).toEqual([['in flight'], ['later']]);
  });

  it.each([90_000, -90_000])('gives a publish its whole time when the wall clock jumps by %i ms', async (jumpMs) => {
    const stuck = gate();
    const { producer, requests, clock } = producing({ answers: [(batch) => stuck.promise.then(() => taken(batch))] });
    const slow = producer.publish([record(0, 'slow')]);
    await until(() => requests.length === 1);
    clock.jump(jumpMs);
    clock.advance(9_000);
    stuck.open();
    await slow;
    const late = producer.publish([record(0, 'late')]);
    clock.jump(jumpMs);
    clock.advance(10_250);
    await expect(late).rejects.toThrow(BusUnavailableError);
  });

  it('is bounded in bytes, and has room again when Kafka has answered', async () => {
    const { producer } = producing({ maxBytes: 1_000 });
    const big = { shard: 0, key: 'k', value: Buffer.alloc(700) };
    const first = producer.publish([big]);
    await expect(producer.publish([big])).rejects.toThrow(BusUnavailableError);
    await first;
    await producer.publish([big]);
  });

  it('does not say again what Kafka has refused', async () => {
    const { producer, requests } = producing({ answers: [refused] });
    await expect(producer.publish([record(0, 'x')])).rejects.toThrow(/too large/);
    expect(requests).toHaveLength(1);
    expect(producer.problem()).toMatch(/too large/);
    await producer.publish([record(0, 'y')]);
    expect(producer.problem()).toBeUndefined();
  });

  it('forgets its trouble when nobody publishes, or readiness would never be green again', async () => {
    const { producer, clock } = producing({ answers: [refused] });
    await expect(producer.publish([record(0, 'x')])).rejects.toThrow(BusUnavailableError);
    clock.advance(10_000);
    expect(producer.problem()).toBeUndefined();
  });

  it('stops for good when the shards have changed', async () => {
    const { producer, requests, change } = producing({ answers: [lost] });
    change.error = new ShardsChangedError('6, and had 2');
    await expect(producer.publish([record(0, 'x')])).rejects.toThrow(ShardsChangedError);
    expect(requests).toHaveLength(1);
  });

  it('finishes what is under way when it closes, and refuses what is new', async () => {
    const { producer, requests } = producing();
    const last = producer.publish([record(0, 'last')]);
    const closing = producer.close();
    await expect(producer.publish([record(0, 'too late')])).rejects.toThrow(BusUnavailableError);
    await Promise.all([last, closing]);
    expect(requests).toEqual([['last']]);
  });
});

/** Waits a turn of the loop at a time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
