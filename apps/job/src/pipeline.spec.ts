import { setImmediate } from 'node:timers/promises';
import {
  createBus,
  createDeadLetterLog,
  type Bus,
  type DeadLetterLog,
  type OwnedShard,
  type ShardConsumer,
} from '@app/bus';
import { createMemoryHistory, GhostOwnerError, HistoryLostError, parsePolicies, type HistoryStore } from '@app/history';
import { bodyCodec, recordCodec, Refusal, type DeliveryBatch, type PushRecord } from '@app/protocol/wires';
import { createMemoryRegistry, nodeRef, type Registry } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { KeptDeadLetters } from './dispatch/dead-letter.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { GatewayClients, type GatewayLink } from './dispatch/gateway-clients.js';
import { LaneGround, Lanes } from './dispatch/lanes.js';
import { JobMetrics } from './job.metrics.js';
import { Pipeline } from './pipeline.js';
import { Router } from './route/router.js';
import { Reader } from './shard/reader.js';
import { FakeShard } from './shard/fake-shard.contract.js';
import { ShardRuns } from './shard/shard-runs.js';
import { Sieve } from './shard/sieve.js';

/** Gateways in this process, which take what comes until they are held. */
class Gateways extends GatewayClients {
  readonly taken = new Map<string, DeliveryBatch[]>();
  private waiting: (() => void)[] | undefined;

  override isUp(): boolean {
    return true;
  }

  override use({ id }: { id: string }): GatewayLink {
    return {
      deliver: async (batch) => {
        if (this.waiting) await new Promise<void>((resolve) => this.waiting!.push(resolve));
        this.taken.set(id, [...(this.taken.get(id) ?? []), structuredClone(batch)]);
        return { taken: batch.deliveries.at(-1)!.offset, refused: Refusal.none, gone: [] };
      },
    };
  }

  hold(): void {
    this.waiting = [];
  }

  /** Batches that wait. */
  get held(): number {
    return this.waiting?.length ?? 0;
  }

  letGo(): void {
    for (const resolve of this.waiting ?? []) resolve();
    this.waiting = undefined;
  }

  deliveries(id: string) {
    return (this.taken.get(id) ?? []).flatMap((batch) => batch.deliveries);
  }

  offsets(id: string): number[] {
    return this.deliveries(id).map(({ offset }) => offset);
  }
}

interface Job {
  bus: Bus;
  letters: DeadLetterLog;
  history: HistoryStore;
  registry: Registry;
  gateways: Gateways;
  pipeline: Pipeline;
  runs: ShardRuns;
  clock: ManualClock;
  commits: number[];
  publish: (...records: (Partial<PushRecord> | Buffer)[]) => Promise<void>;
  present: (id: string, kind: 'user' | 'room', name: string) => Promise<void>;
  count: (name: 'dropped' | 'dead') => Promise<Record<string, number>>;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const incarnations: Record<string, number> = { g1: 1, g2: 2 };
const policies = parsePolicies('room:kept=100/5m,room:loose=0');

async function startPipeline(prepare: (history: HistoryStore) => void = () => {}): Promise<Job> {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const jobMetrics = new JobMetrics(metrics);
  const bus = createBus({ backend: 'embedded', shards: 1, log: silentLog, metrics });
  const history = createMemoryHistory(policies, clock);
  prepare(history);
  const registry = createMemoryRegistry(clock);
  const gateways = new Gateways('', silentLog);
  const runs = new ShardRuns(history, silentLog, jobMetrics);
  const ground = new LaneGround({ windowBytes: 100_000, stallMs: 5_000 }, clock, jobMetrics, silentLog);
  const lanes = new Lanes(ground, gateways, registry.nodes, runs);
  const letters = createDeadLetterLog({ backend: 'embedded', shards: 1, log: silentLog, metrics });
  const dead = new KeptDeadLetters(letters, clock, jobMetrics, silentLog, 'job-1');
  const pipeline = new Pipeline(
    runs,
    new Reader(dead, jobMetrics, clock),
    history,
    new Router(registry.presence, gateways),
    new Dispatcher(lanes, jobMetrics, clock),
    new Sieve(dead),
  );
  for (const [id, incarnation] of Object.entries(incarnations)) {
    const entry = { host: '127.0.0.1', port: 1, address: '', region: '', state: 'serving' as const, startedAtMs: 0 };
    const counts = { connections: 0, users: 0, rooms: 0 };
    await registry.nodes.renew({ kind: 'gateway', id, incarnation, ...entry, ...counts }, 60_000);
  }
  const commits: number[] = [];
  await bus.open();
  await bus.consume(watching(pipeline, commits));
  cleanups.push(async () => {
    gateways.letGo();
    await bus.close();
    await history.close();
  });
  const count = async (name: 'dropped' | 'dead') => {
    const { values } = await jobMetrics[name].get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
  };
  const publish = (...records: (Partial<PushRecord> | Buffer)[]) =>
    bus.publish(records.map((record) => ({ shard: 0, key: 'k', value: toBytes(record) })));
  const present = (id: string, kind: 'user' | 'room', name: string) => {
    const node = nodeRef(id, incarnations[id]!);
    return registry.presence.apply(node, [{ kind, key: `default/${name}`, present: true }]);
  };
  return { bus, letters, history, registry, gateways, pipeline, runs, clock, commits, publish, present, count };
}

/** The pipeline, with the commits of its shards noted. */
const watching = (pipeline: Pipeline, commits: number[]): ShardConsumer => {
  const watched = new Map<OwnedShard, OwnedShard>();
  return {
    take: (shard, entries) => {
      if (!watched.has(shard)) watched.set(shard, noting(shard, commits));
      return pipeline.take(watched.get(shard)!, entries);
    },
  };
};

/** The shard itself in all but its commits, which are noted too. */
const noting = (shard: OwnedShard, commits: number[]): OwnedShard =>
  new Proxy(shard, {
    get: (_, name: keyof OwnedShard) => {
      const value = shard[name];
      if (name !== 'commit') return typeof value === 'function' ? value.bind(shard) : value;
      return (offset: number, note?: string) => {
        commits.push(offset);
        shard.commit(offset, note);
      };
    },
  });

let serial = 0;
function toBytes(record: Partial<PushRecord> | Buffer): Buffer {
  if (Buffer.isBuffer(record)) return record;
  serial += 1;
  const id = `id-${serial}`;
  const rest = { excludeUsers: [], excludeConnections: [], match: '', variants: [], traceparent: '' };
  const body = bodyCodec.encode({
    id,
    type: 1,
    encoding: 0,
    payload: Buffer.from('x'),
    acceptedAtMs: 1,
    expiresAtMs: 0,
    ...rest,
  });
  const whole = { app: 'default', targets: to('room:kept'), body, id, expiresAtMs: 0, retain: true, speed: 0, part: 0 };
  return recordCodec.encode({ ...whole, ...record });
}

const to = (...channels: string[]) => channels.map((channel) => ({ channel, devices: [] as string[] }));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setImmediate();
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('Pipeline', () => {
  it('carries records to the nodes that hold their channels, in order, with the offset before', async () => {
    const { publish, present, gateways } = await startPipeline();
    await present('g1', 'room', 'kept');
    await present('g2', 'user', 'ann');
    const [both, ann, room] = [to('room:kept', 'user:ann'), to('user:ann'), to('room:kept')];
    await publish({ targets: both }, { targets: ann }, { targets: room }, { targets: both });
    await until(() => gateways.offsets('g1').length === 3 && gateways.offsets('g2').length === 3);
    const steps = (id: string) => gateways.deliveries(id).map(({ offset, steps: [step] }) => [offset, step]);
    expect(steps('g1')).toEqual([
      [0, { channel: 'room:kept', devices: [], prev: -2 }],
      [2, { channel: 'room:kept', devices: [], prev: 0 }],
      [3, { channel: 'room:kept', devices: [], prev: 2 }],
    ]);
    expect(steps('g2')).toEqual([
      [0, { channel: 'user:ann', devices: [], prev: -2 }],
      [1, { channel: 'user:ann', devices: [], prev: 0 }],
      [3, { channel: 'user:ann', devices: [], prev: 1 }],
    ]);
    expect(gateways.taken.get('g2')![0]).toMatchObject({ shard: 0, ownerEpoch: 1, incarnation: nodeRef('g2', 2) });
  });

  it('keeps the order of a thousand', async () => {
    const { publish, present, gateways, commits } = await startPipeline();
    await present('g1', 'room', 'kept');
    for (const _ of numbers(10)) await publish(...numbers(100).map(() => ({})));
    await until(() => commits.at(-1) === 1_000);
    expect(gateways.offsets('g1')).toEqual(numbers(1_000));
  });

  it('commits only what every node has acknowledged', async () => {
    const { publish, present, gateways, commits } = await startPipeline();
    await present('g1', 'room', 'kept');
    gateways.hold();
    await publish({ targets: to('room:nobody') }, {}, { targets: to('room:nobody') });
    await until(() => commits.length > 0);
    await setImmediate();
    expect(commits).toEqual([1]);
    gateways.letGo();
    await until(() => commits.at(-1) === 3);
  });

  it('retains before it looks who is there', async () => {
    const order: string[] = [];
    const { publish, registry, commits } = await startPipeline((history) => {
      const append = history.append.bind(history);
      history.append = async (owner, records) => {
        await setImmediate();
        order.push('append');
        return append(owner, records);
      };
    });
    const lookup = registry.presence.lookup.bind(registry.presence);
    registry.presence.lookup = (question) => {
      order.push('lookup');
      return lookup(question);
    };
    await publish({});
    await until(() => commits.at(-1) === 1);
    expect(order).toEqual(['append', 'lookup']);
  });

  it('goes on behind what cannot be read, and tells', async () => {
    const { publish, present, gateways, commits, count, letters } = await startPipeline();
    await present('g1', 'room', 'kept');
    await publish(
      Buffer.from('not a record'),
      Buffer.alloc(0),
      { targets: [] },
      { targets: to('what') },
      { app: 'a/b' },
      { id: '' },
      {},
    );
    await until(() => commits.at(-1) === 7);
    expect(gateways.offsets('g1')).toEqual([6]);
    expect(await count('dead')).toEqual({ undecodable: 6 });
    const { letters: kept } = await letters.list({ limit: 100 });
    expect(kept.map(({ source }) => source.offset)).toEqual(numbers(6));
    expect(kept[0]).toMatchObject({ source: { shard: 0 }, reason: 'undecodable', job: 'job-1' });
    expect([kept[0]!.key, kept[0]!.value].map(String)).toEqual(['k', 'not a record']);
  });

  it('goes on without what history or registry always stumble over, and takes it when it is sent again', async () => {
    const broken = new Set(['room:a', 'room:b']);
    const { publish, present, gateways, commits, count, letters, registry, bus } = await startPipeline((history) => {
      const append = history.append.bind(history);
      history.append = (owner, records) => {
        const isBad = records.some(({ targets }) => targets.some(({ channel }) => broken.has(channel)));
        return isBad ? Promise.reject(new RangeError('out of range')) : append(owner, records);
      };
    });
    const lookup = registry.presence.lookup.bind(registry.presence);
    registry.presence.lookup = (question) => {
      const isBad = broken.size > 0 && question.rooms.includes('default/c');
      return isBad ? Promise.reject(new TypeError('no room')) : lookup(question);
    };
    for (const room of ['kept', 'a', 'b', 'c']) await present('g1', 'room', room);
    await publish({}, { id: 'A', targets: to('room:a') }, {}, { id: 'B', targets: to('room:b') });
    await publish({ id: 'C', targets: to('room:c'), retain: false }, {});
    await until(() => commits.at(-1) === 6);

    expect(gateways.offsets('g1')).toEqual([0, 2, 5]);
    expect(await count('dead')).toEqual({ failing: 3 });
    const { letters: kept } = await letters.list({ limit: 100 });
    expect(kept.map(({ messageId }) => messageId)).toEqual(['A', 'B', 'C']);
    expect(kept[0]!.error).toBe('RangeError: out of range');
    broken.clear();
    await bus.publish(kept.map(({ key, value, source }) => ({ shard: 0, key, value, replayOf: source.offset })));
    await until(() => commits.at(-1) === 9);
    expect(gateways.offsets('g1')).toEqual([0, 2, 5, 6, 7, 8]);
    expect(await count('dropped')).toEqual({});
  });

  it('gives a replay to those of its channels that have not had it', async () => {
    let isBroken = true;
    const { publish, present, gateways, commits, count, letters, bus } = await startPipeline((history) => {
      const append = history.append.bind(history);
      history.append = async (owner, records) => {
        const [good, bad] = ['room:kept', 'room:b'].map((channel) =>
          records.map((record) => {
            const targets = record.targets.filter((target) => target.channel === channel);
            return { ...record, part: record.part, targets };
          }),
        );
        if (!isBroken || bad!.every(({ targets }) => targets.length === 0)) return append(owner, records);
        await append(owner, good!); // as scripts of one pipeline do, each for itself
        throw new RangeError('out of range');
      };
    });
    for (const room of ['kept', 'b']) await present('g1', 'room', room);
    await publish({ id: 'both', targets: to('room:kept', 'room:b') }, {});
    await until(() => commits.at(-1) === 2);
    isBroken = false;
    const [letter] = (await letters.list({ limit: 1 })).letters;
    await bus.publish([{ shard: 0, key: 'k', value: letter!.value, replayOf: 0 }]);
    await until(() => commits.at(-1) === 3);

    const steps = gateways
      .deliveries('g1')
      .map(({ offset, steps: its }) => [offset, ...its.map(({ channel, prev }) => `${channel} after ${prev}`)]);
    // Whoever is in the first room sees by `prev` what it has not got, and finds it in history.
    expect(steps).toEqual([
      [1, 'room:kept after 0'],
      [2, 'room:b after -2'],
    ]);
    expect(await count('dropped')).toEqual({});
  });

  it('reads a record of a newer version', async () => {
    const { publish, present, gateways } = await startPipeline();
    await present('g1', 'room', 'kept');
    const field99 = Buffer.from([0x9a, 0x06, 3, 1, 2, 3]);
    await publish(Buffer.concat([toBytes({}), field99]));
    await until(() => gateways.offsets('g1').length === 1);
    expect(gateways.deliveries('g1')[0]).toMatchObject({ app: 'default', steps: to('room:kept') });
  });

  it("drops a producer's repeat, retained or not, and what is too old", async () => {
    const { publish, present, gateways, commits, count, clock } = await startPipeline();
    await present('g1', 'room', 'kept');
    await present('g1', 'room', 'loose');
    const twice = { id: 'same', targets: to('room:loose') };
    await publish({ id: 'kept' }, twice, { id: 'kept' }, twice, { id: 'kept', part: 1 });
    await publish({ expiresAtMs: clock.now() }, { expiresAtMs: clock.now() + 1 });
    await until(() => commits.at(-1) === 7);
    expect(gateways.offsets('g1')).toEqual([0, 1, 4, 6]);
    expect(await count('dropped')).toEqual({ duplicate: 2, expired: 1 });
  });

  it('divides the speed of a push among the gateways', async () => {
    const { gateways, publish } = await startPipeline();
    await publish({ targets: to('all'), speed: 10 }, { targets: to('all') });
    await until(() => gateways.offsets('g1').length === 2 && gateways.offsets('g2').length === 2);
    expect(['g1', 'g2'].map((id) => gateways.deliveries(id).map(({ rate }) => rate))).toEqual([
      [5, 0],
      [5, 0],
    ]);
  });

  it('counts connections that are gone', async () => {
    const { publish, commits, count } = await startPipeline();
    await publish({ targets: to('connection:g1~9~1') });
    await until(() => commits.at(-1) === 1);
    expect(await count('dropped')).toEqual({ gone: 1 });
  });

  it('waits while history is away, and loses nothing', async () => {
    let failures = 2;
    const { publish, present, gateways, commits } = await startPipeline((history) => {
      const append = history.append.bind(history);
      history.append = (owner, records) =>
        failures-- > 0 ? Promise.reject(new Error('away')) : append(owner, records);
    });
    await present('g1', 'room', 'kept');
    await publish({}, {});
    await until(() => commits.at(-1) === 2);
    expect(gateways.offsets('g1')).toEqual([0, 1]);
  });

  it('appends all that is not committed again when history has lost it, and gateways skip what they had', async () => {
    let isLost = false;
    const { publish, present, gateways, commits, history } = await startPipeline((store) => {
      const append = store.append.bind(store);
      store.append = (owner, records) =>
        isLost ? Promise.reject(new HistoryLostError('older')) : append(owner, records);
      const claim = store.claim.bind(store);
      store.claim = (owner) => {
        isLost = false;
        return claim(owner);
      };
    });
    await present('g1', 'room', 'kept');
    gateways.hold();
    await publish({}, {});
    await until(() => gateways.held === 1);
    isLost = true;
    await publish({});
    await until(() => !isLost);
    gateways.letGo();
    await until(() => commits.at(-1) === 3);
    expect(gateways.offsets('g1').slice(-3)).toEqual([0, 1, 2]);
    const steps = gateways.deliveries('g1').slice(-3);
    expect(steps.map(({ steps: [step] }) => step!.prev)).toEqual([-2, 0, 1]);
    expect((await history.tops('default', ['room:kept']))[0]!.offset).toBe(2);
  });

  it('delivers before replicas have it, and commits after', async () => {
    const asked: { retainedTo: number | undefined; done: () => void }[] = [];
    const { publish, present, gateways, commits } = await startPipeline((history) => {
      history.replicated = ({ retainedTo }) => new Promise((done) => asked.push({ retainedTo, done }));
    });
    await present('g1', 'room', 'kept');
    await present('g1', 'room', 'loose');
    await publish({}, {});
    await until(() => gateways.offsets('g1').length === 2);
    await publish({ targets: to('room:loose') });
    await until(() => gateways.offsets('g1').length === 3);
    await setImmediate();
    expect(asked.map(({ retainedTo }) => retainedTo)).toEqual([1]);
    expect(commits).toEqual([0]);
    asked[0]!.done();
    await until(() => commits.at(-1) === 3);
  });

  it('runs no further ahead of replicas than it may, and goes on when they have it', async () => {
    const asked: (() => void)[] = [];
    const { publish, present, gateways } = await startPipeline((history) => {
      history.replicated = () => new Promise((done) => asked.push(done));
    });
    await present('g1', 'room', 'kept');
    await publish(...Array.from({ length: 10_001 }, () => ({})));
    await until(() => gateways.offsets('g1').length === 10_001);
    await publish({});
    await until(() => asked.length === 2);
    await publish({});
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(asked.length).toBe(2);
    for (const done of asked.splice(0)) done();
    await until(() => asked.length === 1);
  });

  it('stops a shard that a later owner writes', async () => {
    let appends = 0;
    const { publish, present, gateways, commits } = await startPipeline((history) => {
      history.append = () => {
        appends += 1;
        return Promise.reject(new GhostOwnerError('later'));
      };
    });
    await present('g1', 'room', 'kept');
    await publish({});
    await until(() => appends === 1);
    await publish({});
    await setImmediate();
    expect(appends).toBe(1);
    expect(gateways.offsets('g1')).toEqual([]);
    expect(commits).toEqual([]);
  });

  it.each([
    ['stops when the bus refuses it', () => Promise.reject(new Error('fenced')), []],
    ['stops when the bus is at another generation', () => Promise.resolve(9), []],
    ['takes a new epoch when the bus proves that it is ours', () => Promise.resolve(1), [0]],
  ])('behind a higher owner epoch in history it %s', async (_, fence: () => Promise<number>, delivered: number[]) => {
    const { pipeline, history, present, gateways } = await startPipeline();
    await present('g1', 'room', 'kept');
    const life = 'a life whose group was deleted';
    const old = await history.epochOf(life);
    await history.claim({ shard: 5, epoch: old, ownerEpoch: 8 });
    const shard = new FakeShard({ shard: 5, ownerEpoch: 1, life, fence });
    await pipeline.take(shard, [{ offset: 0, value: toBytes({}) }]);
    await setImmediate();
    expect(gateways.offsets('g1')).toEqual(delivered);
    const epochs = gateways.taken.get('g1')?.map(({ epoch }) => epoch) ?? [];
    expect(epochs).not.toContain(old);
  });

  it('finishes what is on its way before it ends', async () => {
    const { publish, present, gateways, runs, clock, commits } = await startPipeline();
    await present('g1', 'room', 'kept');
    gateways.hold();
    await publish({});
    await until(() => commits.length > 0);
    let closed = false;
    const closing = runs.close(clock, 5_000).then(() => (closed = true));
    await setImmediate();
    expect(closed).toBe(false);
    gateways.letGo();
    await closing;
    expect(commits.at(-1)).toBe(1);
    await publish({});
    await setImmediate();
    expect(gateways.offsets('g1')).toEqual([0]);
  });

  it('ends in time when a gateway does not answer', async () => {
    const { publish, present, gateways, runs, clock, commits } = await startPipeline();
    await present('g1', 'room', 'kept');
    gateways.hold();
    await publish({});
    await until(() => commits.length > 0);
    const closing = runs.close(clock, 5_000);
    await setImmediate();
    clock.advance(5_000);
    await closing;
    expect(commits).toEqual([0]);
  });
});
