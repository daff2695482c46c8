import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Metrics, silentLog, type Log } from '@app/runtime';
import { BusUnavailableError, ShardsChangedError, type BusEntry, type OwnedShard, type ShardConsumer } from '@app/bus';
import kafkajs, { type Admin, type ISocketFactory } from 'kafkajs';
import { Taking, describeBus, gate, numbers, record, text } from '../../libs/bus/src/bus.contract.js';
import { KafkaBus } from '../../libs/bus/src/kafka/kafka.bus.js';
import type { KafkaBusOptions } from '../../libs/bus/src/kafka/kafka.options.js';
import { makeTopic, remakeTopic, removeTopic } from '../support/kafka-topics.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const brokers = process.env['KAFKA_BROKERS']?.split(',') ?? [];
const withKafka = brokers.length > 0 ? describe : describe.skip;

const freshPrefix = () => `t${randomBytes(5).toString('hex')}.`;

function busOf(topicPrefix: string, options: Partial<KafkaBusOptions> = {}): KafkaBus {
  return new KafkaBus({
    brokers,
    topicPrefix,
    shards: 4,
    clientId: 'skylark-test',
    log: silentLog,
    metrics: new Metrics(),
    heartbeatMs: 100, // how soon a member hears of a rebalance
    watchMs: 200,
    ...options,
  });
}

withKafka('with Apache Kafka', () => {
  describeBus('kafka', async () => {
    const prefix = freshPrefix();
    const bus = busOf(prefix, { maxBytes: 2_000_000 });
    await bus.open();
    return {
      bus,
      another: async () => {
        const other = busOf(prefix);
        await other.open();
        return other;
      },
      tooManyBytes: 2_000_000,
      dispose: async () => {},
    };
  });

  describe('kafka bus', () => {
    let prefix: string;
    let admin: Admin;
    let made: KafkaBus[];
    let proxies: TcpProxy[];

    const open = async (options: Partial<KafkaBusOptions> = {}) => {
      const bus = busOf(prefix, options);
      made.push(bus);
      await bus.open();
      return bus;
    };
    const between = async () => {
      const proxy = await TcpProxy.to(brokers[0]!);
      proxies.push(proxy);
      return proxy;
    };
    const topic = () => `${prefix}records`;
    const forget = async (shard: number, below: number) => {
      await admin.fetchTopicOffsets(topic()); // or kafkajs does not know the topic
      await admin.deleteTopicRecords({ topic: topic(), partitions: [{ partition: shard, offset: String(below) }] });
    };
    const committed = async (shard: number) => {
      const [offsets] = await admin.fetchOffsets({ groupId: `${prefix}job`, topics: [topic()] });
      return Number(offsets!.partitions.find(({ partition }) => partition === shard)!.offset);
    };

    beforeEach(async () => {
      prefix = freshPrefix();
      made = [];
      proxies = [];
      admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
      await admin.connect();
    });

    afterEach(async () => {
      await Promise.all(made.map((bus) => bus.close()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await admin.disconnect();
    });

    it('reads the number of shards from a topic that is there', async () => {
      await open({ shards: 3 });
      expect((await open({ shards: 7 })).shards).toBe(3);
    });

    it('takes more in one call than Kafka takes in one request', async () => {
      const bus = await open();
      const taking = new Taking();
      await bus.consume(taking);
      const value = Buffer.alloc(500_000, 'x');
      await bus.publish(numbers(1, 8).map(() => ({ shard: 0, key: 'k', value })));
      await taking.when(() => taking.values(0).length === 8);
      expect(taking.calls.flatMap((call) => call.entries).every((entry) => entry.value.equals(value))).toBe(true);
    });

    it('reads no further than it may while nobody takes, and loses nothing by it', async () => {
      const bus = await open({ readAheadBytes: 1_000 });
      const closed = gate();
      const taking = new Taking();
      taking.gate = closed.promise;
      await bus.consume(taking);
      const values = numbers(1, 30).map((i) => `${i} ${'x'.repeat(500)}`);
      for (const value of values) await bus.publish([record(0, value)]);
      await taking.when(() => taking.calls.length === 1);
      closed.open();
      await taking.when(() => taking.values(0).length === 30);
      expect(taking.values(0)).toEqual(values);
    });

    describe('rebalance', () => {
      it('loses nothing and keeps each owner in order when a second member joins in mid-stream and leaves again', async () => {
        const first = await open();
        const second = await open();
        const [one, two] = [new Taking(), new Taking()];
        await first.consume(one);
        const stop = new AbortController();
        let sent = 0;
        const publishing = (async () => {
          while (!stop.signal.aborted) {
            sent += 1;
            await first.publish([0, 1, 2, 3].map((shard) => record(shard, String(sent))));
          }
        })();
        await one.when(() => one.values(0).length > 20);
        await second.consume(two);
        await two.when(() => two.calls.length > 20);
        await second.close();
        const { length } = one.calls;
        await one.when(() => one.calls.length > length + 20 && one.shards.size === 4);
        stop.abort();
        await publishing;
        const lastOf = (shard: number) => one.values(shard).at(-1) === String(sent);
        await one.when(() => [0, 1, 2, 3].every(lastOf));

        for (const shard of [0, 1, 2, 3]) {
          const seen = new Set([...one.values(shard), ...two.values(shard)].map(Number));
          expect(seen.size).toBe(sent);
          for (const taking of [one, two]) expectOrderWithinOwners(taking, shard);
        }
      });

      it('gives a shard that changes hands a higher owner epoch, and starts it at the committed offset', async () => {
        const first = await open();
        const one = new Taking();
        one.commits = false;
        await first.consume(one);
        await first.publish([0, 1, 2, 3].flatMap((shard) => numbers(1, 5).map((value) => record(shard, value))));
        await one.when(() => [0, 1, 2, 3].every((shard) => one.values(shard).length === 5));
        const owned = new Map(one.shards);
        for (const shard of owned.values()) shard.commit(3);
        await until(async () => (await committed(3)) === 3 && (await committed(0)) === 3, 'the commits');

        const second = await open();
        const two = new Taking();
        await second.consume(two);
        await two.when(() => two.shards.size === 2);
        for (const [shard, later] of two.shards) {
          expect(later.ownerEpoch).toBeGreaterThan(owned.get(shard)!.ownerEpoch);
          expect(two.values(shard)).toEqual(['4', '5']);
        }
        // What stays with the first begins anew too.
        const kept = [0, 1, 2, 3].filter((shard) => !two.shards.has(shard));
        await one.when(() => kept.every((shard) => one.values(shard).length === 7));
        for (const shard of kept) {
          expect(one.values(shard)).toEqual(['1', '2', '3', '4', '5', '4', '5']);
          expect(owned.get(shard)!.signal.aborted).toBe(true);
          expect(one.shards.get(shard)!.ownerEpoch).toBe([...two.shards.values()][0]!.ownerEpoch);
        }
      });

      it('lets a ghost owner neither commit nor fence', async () => {
        const first = await open();
        const one = new Taking();
        one.commits = false;
        await first.consume(one);
        await first.publish([0, 1, 2, 3].flatMap((shard) => numbers(1, 5).map((value) => record(shard, value))));
        await one.when(() => [0, 1, 2, 3].every((shard) => one.values(shard).length === 5));
        const ghosts = new Map(one.shards);

        const second = await open();
        const two = new Taking();
        await second.consume(two);
        await two.when(() => two.shards.size === 2);
        const [shard] = [...two.shards.keys()];
        await until(async () => (await committed(shard!)) === 5, 'the commit of the second owner');
        const ghost = ghosts.get(shard!)!;
        expect(ghost.signal.aborted).toBe(true);
        ghost.commit(2);
        await expect(ghost.fence()).rejects.toThrow('generation is over');
        // A commit that is made now goes out after what the ghost would have sent.
        const own = await ownNow(one);
        own.commit(4);
        await until(async () => (await committed(own.shard)) === 4, 'a commit of the first owner');
        expect(await committed(shard!)).toBe(5);
      });

      it('owns nothing from the moment it asks to join again', async () => {
        const proxy = await between();
        const first = await open({ socketFactory: through(proxy) });
        const one = new Taking();
        await first.consume(one);
        await first.publish([0, 1, 2, 3].map((shard) => record(shard, 'a')));
        await one.when(() => one.shards.size === 4);
        const owned = [...one.shards.values()];

        const asking = proxy.nextRequest(isJoin);
        const second = await open();
        await second.consume(new Taking());
        await asking;
        expect(owned.map((shard) => shard.signal.aborted)).toEqual([true, true, true, true]);
      });

      it('does not begin a shard anew while an earlier take of it still runs', async () => {
        const first = await open();
        const closed = gate();
        let running = 0;
        let most = 0;
        const one = new Taking();
        await first.consume({
          take: async (shard, entries) => {
            running += shard.shard === 0 ? 1 : 0;
            most = Math.max(most, running);
            await one.take(shard, entries);
            if (shard.shard === 0) await closed.promise;
            running -= shard.shard === 0 ? 1 : 0;
          },
        });
        one.commits = false;
        await first.publish([0, 1, 2, 3].map((shard) => record(shard, 'a')));
        await one.when(() => one.shards.size === 4);
        const before = one.shards.get(0)!;
        const second = await open();
        await second.consume(new Taking());
        await until(() => before.signal.aborted, 'the rebalance');
        await second.close();
        await one.when(() => [1, 2, 3].every((shard) => one.values(shard).length >= 2));
        expect(one.values(0)).toEqual(['a']);
        closed.open();
        await one.when(() => one.values(0).length === 2);
        expect(most).toBe(1);
      });
    });

    it('gives what was not committed to the next owner again', async () => {
      const first = await open();
      const one = new Taking();
      one.commits = false;
      await first.consume(one);
      await first.publish(numbers(1, 3).map((value) => record(2, value)));
      await one.when(() => one.values(2).length === 3);
      await first.close();

      const second = await open();
      const two = new Taking();
      await second.consume(two);
      await two.when(() => two.values(2).length === 3);
      expect(two.values(2)).toEqual(numbers(1, 3));
    });

    it('keeps every acknowledged record, in order, when an answer of Kafka is swallowed', async () => {
      const proxy = await between();
      const bus = await open({ socketFactory: through(proxy) });
      const taking = new Taking();
      const reader = await open();
      await reader.consume(taking);
      await bus.publish([record(0, 'warm')]);

      const swallowed = proxy.swallowAnswer(isProduce);
      const sending = numbers(1, 50).map((value) => bus.publish([record(0, value)]));
      await swallowed;
      await Promise.all([...sending, ...numbers(51, 60).map((value) => bus.publish([record(0, value)]))]);
      await taking.when(() => taking.values(0).at(-1) === '60');

      const values = taking.values(0);
      expect([...new Set(values)]).toEqual(['warm', ...numbers(1, 60)]); // firsts are in order
      expect(values.length).toBeGreaterThan(61); // so the answer was lost, and the request was not
    });

    it('refuses in bounded time while Kafka is away, says so, and goes on when it is back', async () => {
      const proxy = await between();
      const bus = await open({ socketFactory: through(proxy), publishTimeoutMs: 1_000 });
      const taking = new Taking();
      await bus.consume(taking);
      await bus.publish([record(1, 'before')]);
      await taking.when(() => taking.values(1).length === 1);

      proxy.refuse();
      await expect(bus.publish([record(1, 'lost')])).rejects.toThrow(BusUnavailableError);
      await until(async () => (await bus.problem()) !== undefined, 'a problem');

      proxy.accept();
      await until(async () => (await bus.problem()) === undefined, 'no problem any more');
      await bus.publish([record(1, 'after')]);
      await taking.when(() => taking.values(1).includes('after'));
    });

    it('does not hang on a Kafka that takes and never answers', async () => {
      const proxy = await between();
      const bus = await open({ socketFactory: through(proxy), publishTimeoutMs: 1_000, requestTimeoutMs: 500 });
      await bus.publish([record(1, 'before')]);
      proxy.hold();
      await expect(bus.publish([record(1, 'held')])).rejects.toThrow(BusUnavailableError);
      await until(async () => (await bus.problem()) !== undefined, 'a problem');
      proxy.release();
      await until(async () => (await bus.problem()) === undefined, 'no problem any more');
      await bus.publish([record(1, 'after')]);
    });

    it('waits for a Kafka that comes late', async () => {
      const proxy = await between();
      proxy.refuse();
      const bus = busOf(prefix, { socketFactory: through(proxy) });
      made.push(bus);
      const opening = bus.open();
      await until(async () => /cannot be used/.test((await bus.problem()) ?? ''), 'a first failure');
      await expect(bus.publish([record(0, 'x')])).rejects.toThrow(BusUnavailableError);
      expect(() => bus.shardOf('k')).toThrow(BusUnavailableError);
      proxy.accept();
      await opening;
      expect(await bus.problem()).toBeUndefined();
      await bus.publish([record(0, 'x')]);
    });

    it('gives up opening when it is closed', async () => {
      const proxy = await between();
      proxy.refuse();
      const bus = busOf(prefix, { socketFactory: through(proxy) });
      const opening = bus.open().then(
        () => 'opened',
        () => 'given up',
      );
      await bus.close();
      expect(await opening).toBe('given up');
    });

    it('refuses a topic whose number of partitions has changed', async () => {
      const bus = await open();
      const taking = new Taking();
      await bus.consume(taking);
      await bus.publish([record(0, 'before')]);
      await taking.when(() => taking.calls.length === 1);
      await admin.createPartitions({ topicPartitions: [{ topic: topic(), count: 6 }] });
      await until(async () => (await bus.problem()) !== undefined, 'the change to be seen');

      expect(await bus.problem()).toMatch(/has 6 partitions, and had 4/);
      await expect(bus.publish([record(0, 'after')])).rejects.toThrow(ShardsChangedError);
      await until(() => taking.shards.get(0)!.signal.aborted, 'the shards to be given back');
    });

    describe('what owners before had', () => {
      const remembering = (taking: Taking) => {
        const remembered: BusEntry[] = [];
        const consumer: ShardConsumer = {
          take: (shard, entries) => taking.take(shard, entries),
          remember: async (shard, entries) => {
            expect(taking.values(shard.shard)).toEqual([]);
            remembered.push(...entries);
          },
        };
        return { consumer, remembered };
      };
      const handedOver = async (values: readonly string[]) => {
        const bus = await open();
        const taking = new Taking();
        await bus.consume(taking);
        for (const value of values) await bus.publish([record(0, value)]);
        await taking.when(() => taking.values(0).length === values.length);
        await bus.close();
      };

      it.each([
        ['as many as it may', { recallRecords: 6 }, numbers(15, 20)],
        ['all there are', {}, numbers(1, 20)],
        ['none when it may not', { recallRecords: 0 }, []],
      ])('is shown to a new owner to be remembered, and not to be taken: %s', async (_, options, expected) => {
        await handedOver(numbers(1, 20));
        const second = await open(options);
        const taking = new Taking();
        const { consumer, remembered } = remembering(taking);
        await second.consume(consumer);
        await second.publish([record(0, 'new')]);
        await taking.when(() => taking.values(0).length > 0);
        expect(remembered.map(text)).toEqual(expected);
        expect(taking.values(0)).toEqual(['new']);
      });

      it('is only the last of it when records are large', async () => {
        await handedOver(numbers(1, 12).map((n) => `${n} ${'x'.repeat(400_000)}`));
        const second = await open({ recallBytes: 500_000 });
        const taking = new Taking();
        const { consumer, remembered } = remembering(taking);
        await second.consume(consumer);
        await second.publish([record(0, 'new')]);
        await taking.when(() => taking.values(0).length > 0);
        const shown = remembered.map((entry) => Number(text(entry).split(' ')[0]));
        expect(shown.length).toBeLessThan(8);
        expect(shown.at(-1)).toBe(12);
        expect(taking.values(0)).toEqual(['new']);
      });
    });

    describe('when offsets begin again', () => {
      const handedOver = async (bus: KafkaBus, values: readonly string[]) => {
        const taking = new Taking();
        await bus.consume(taking);
        await bus.publish(values.map((value) => record(0, value)));
        await taking.when(() => taking.values(0).length === values.length);
        await until(async () => (await committed(0)) === values.length, 'the commit');
        return taking;
      };

      /** What another member of the group commits of shard 0. */
      const leave = async (place: { offset: string; metadata: string | null }) => {
        const consumer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).consumer({
          groupId: `${prefix}job`,
        });
        const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
        await consumer.subscribe({ topics: [topic()] });
        await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} });
        await joined;
        await consumer.commitOffsets([{ topic: topic(), partition: 0, ...place }]);
        await consumer.disconnect();
      };

      it('hands over all of a topic that was made anew while it runs, as a beginning', async () => {
        const bus = await open();
        const taking = await handedOver(bus, numbers(1, 10));
        const before = taking.shards.get(0)!;
        await remakeTopic(admin, topic(), 4);
        await until(
          () =>
            bus.publish([record(0, 'a')]).then(
              () => true,
              () => false,
            ),
          'a record to be taken',
        );
        await bus.publish([record(0, 'b')]);
        await taking.when(() => taking.values(0).at(-1) === 'b');

        const later = taking.shards.get(0)!;
        expect(before.signal.aborted).toBe(true);
        expect([before.isBeginning, later.isBeginning]).toEqual([true, true]);
        expect(later.life).toBe(before.life);
        expect(later.ownerEpoch).toBeGreaterThan(before.ownerEpoch);
        const [first, ...others] = taking.calls.filter((call) => call.shard === later).flatMap((call) => call.entries);
        expect(first!.offset).toBe(0);
        expect(others.at(-1)!.value.toString()).toBe('b');
      });

      it('hands over all of a topic that has outgrown the one before while nobody looked', async () => {
        const proxy = await between();
        const bus = await open({ socketFactory: through(proxy) });
        const taking = await handedOver(bus, numbers(1, 3));
        const producer = await open();
        proxy.hold();
        await remakeTopic(admin, topic(), 4);
        await until(
          () =>
            producer.publish([record(0, '101')]).then(
              () => true,
              () => false,
            ),
          'a record to be taken',
        );
        for (const value of numbers(102, 120)) await producer.publish([record(0, value)]);
        proxy.release();
        await taking.when(() => taking.values(0).at(-1) === '120');

        expect(taking.shards.get(0)!.isBeginning).toBe(true);
        const last = taking.calls.filter((call) => call.shard === taking.shards.get(0));
        expect(last.flatMap((call) => call.entries).map(({ offset }) => offset)).toEqual(numbers(0, 19).map(Number));
      });

      it.each([
        ['in a topic that is no more', { offset: '3', metadata: 'AAAAAAAAAAAAAAAAAAAAAA a note' }],
        ['beyond the end of the log', { offset: '500', metadata: null }],
      ])('starts at the begin of the log when it finds a place %s', async (_, place) => {
        const first = await open();
        await handedOver(first, numbers(1, 5));
        await first.close();
        await leave(place);

        const second = await open();
        const taking = new Taking();
        await second.consume(taking);
        await taking.when(() => taking.values(0).length === 5);
        expect(taking.values(0)).toEqual(numbers(1, 5));
        expect(taking.shards.get(0)).toMatchObject({ isBeginning: true, note: '' });
      });

      it('says that the topic is gone, and works on when it is back', async () => {
        const bus = await open({ publishTimeoutMs: 500 });
        await removeTopic(admin, topic());
        await until(async () => /is gone/.test((await bus.problem()) ?? ''), 'the loss to be seen');
        await expect(bus.publish([record(0, 'lost')])).rejects.toThrow(BusUnavailableError);
        await makeTopic(admin, topic(), 4);
        await until(async () => (await bus.problem()) === undefined, 'no problem any more');
        await bus.publish([record(0, 'a')]);
      });
    });

    it('counts what retention took before it was handed over, says so, and goes on behind it', async () => {
      const first = await open();
      const one = new Taking();
      one.commits = false;
      await first.consume(one);
      await first.publish(numbers(1, 10).map((value) => record(0, value)));
      await one.when(() => one.values(0).length === 10);
      one.shards.get(0)!.commit(2);
      await first.close();
      await forget(0, 7);

      const metrics = new Metrics();
      const { log, errors } = listening();
      const second = await open({ metrics, log });
      const two = new Taking();
      await second.consume(two);
      await two.when(() => two.values(0).length === 3);
      expect(two.values(0)).toEqual(['8', '9', '10']);
      expect(await metrics.registry.metrics()).toContain('skylark_dropped_total{stage="bus",reason="retention"} 5');
      expect(await second.problem()).toMatch(/retention took 5 records of shard 0/);
      expect(errors).toEqual([expect.stringMatching(/retention took 5 records of shard 0/)]);
    });

    it('counts what retention takes from a shard that is being read, and says so', async () => {
      const metrics = new Metrics();
      const { log, errors } = listening();
      const bus = await open({ metrics, log, readAheadBytes: 1_000 });
      const closed = gate();
      const taking = new Taking();
      taking.gate = closed.promise;
      await bus.consume(taking);
      await bus.publish([record(0, `1${'x'.repeat(2_000)}`)]); // as much as may be read ahead
      await taking.when(() => taking.calls.length === 1);
      await bus.publish(numbers(2, 10).map((value) => record(0, value)));
      await forget(0, 6);
      closed.open();
      await taking.when(() => taking.values(0).at(-1) === '10');
      expect(taking.values(0).slice(1)).toEqual(numbers(7, 10));
      expect(await metrics.registry.metrics()).toContain('skylark_dropped_total{stage="bus",reason="retention"} 5');
      expect(await bus.problem()).toMatch(/retention took 5 records of shard 0/);
      expect(errors).toEqual([expect.stringMatching(/retention took 5 records of shard 0/)]);
      await until(async () => (await committed(0)) === 10, 'the commit, and no place of kafkajs’s own');
    });
  });
});

/** A log, and what it was told as an error. */
function listening(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const error = (_: object, sentence: string) => void errors.push(sentence);
  return { log: Object.assign(Object.create(silentLog) as Log, { error }), errors };
}

/** A Kafka request begins with four bytes of length, then the API key: 0 is Produce. */
function isProduce(bytes: Buffer): boolean {
  return bytes.length >= 6 && bytes.readInt16BE(4) === 0;
}

/** 11 is JoinGroup. */
function isJoin(bytes: Buffer): boolean {
  return bytes.length >= 6 && bytes.readInt16BE(4) === 11;
}

function through(proxy: TcpProxy): ISocketFactory {
  return ({ onConnect }) => connect(proxy.port, '127.0.0.1', onConnect);
}

/** A shard that is the first member's now. */
async function ownNow(taking: Taking): Promise<OwnedShard> {
  const mine = () => [...taking.shards.values()].find((shard) => !shard.signal.aborted);
  await taking.when(() => mine() !== undefined);
  return mine()!;
}

/** Between one owner epoch and the next, offsets only rise. */
function expectOrderWithinOwners(taking: Taking, shard: number): void {
  const byOwner = new Map<OwnedShard, number[]>();
  for (const call of taking.calls.filter((one) => one.shard.shard === shard)) {
    const offsets = byOwner.get(call.shard) ?? [];
    offsets.push(...call.entries.map((entry) => entry.offset));
    byOwner.set(call.shard, offsets);
  }
  for (const offsets of byOwner.values()) {
    expect(offsets).toEqual(numbers(offsets[0]!, offsets.at(-1)!).map(Number));
  }
}
