import { Bus, BusUnavailableError, type Publishing } from '@app/bus';
import { recordCodec } from '@app/protocol/wires';
import { createMemoryIdempotency } from '@app/history';
import { createMemoryRegistry } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { DryRun } from './dry-run.js';
import { Batch } from './batch.js';
import { Once } from './once.js';
import { PushService } from './push.service.js';

/** Does not take what goes to the shards that are away. */
class PartlyAway extends Bus {
  shards = 4;
  life = 'kept';
  durable = true;
  readonly away = new Set<number>();
  readonly calls: Publishing[][] = [];

  async publish(records: readonly Publishing[]): Promise<void> {
    this.calls.push([...records]);
    if (records.some(({ shard }) => this.away.has(shard))) throw new BusUnavailableError('away');
  }

  open = async () => {};
  consume = async () => {};
  problem = async () => undefined;
  close = async () => {};
}

function rig() {
  const bus = new PartlyAway();
  const clock = new ManualClock();
  const metrics = new LogicMetrics(new Metrics());
  const pushes = new PushService(bus, { maxPayloadBytes: 100, maxTargets: 10 }, clock, metrics, silentLog);
  const gateways = new Gateways(createMemoryRegistry(clock).nodes, '', silentLog);
  const keys = createMemoryIdempotency({ pendingMs: 60_000, ttlMs: 86_400_000, maxBytes: 1_000_000 }, clock);
  const once = new Once(keys, metrics, silentLog);
  return { bus, metrics, keys, batch: new Batch(pushes, once, new DryRun(gateways), bus, metrics) };
}

const caller = { app: 'shop', traceparent: '' };
const to = (user: string, data: unknown = 1) => ({ target: 'users', users: [user], data });
const users = Array.from({ length: 40 }, (_, i) => `u${i}`);

describe('a batch', () => {
  it('goes to each shard at once, in the order given', async () => {
    const { bus, batch } = rig();
    const results = await batch.answer(
      [...users, ...users].map((user) => to(user)),
      caller,
    );
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([202]));
    expect(bus.calls.map((records) => new Set(records.map(({ shard }) => shard)).size)).toEqual([1, 1, 1, 1]);
    for (const records of bus.calls) {
      const named = records.map(({ value }) => recordCodec.decode(value).targets[0]!.channel.slice('user:'.length));
      expect(named).toEqual([...users, ...users].filter((user) => named.includes(user)));
    }
  });

  it('answers 503 for what the bus did not take, and only for that', async () => {
    const { bus, metrics, batch } = rig();
    const shardOf = (user: string) => bus.shardOf(`shop/user:${user}`);
    bus.away.add(shardOf('u0'));
    const results = await batch.answer(
      users.map((user) => to(user)),
      caller,
    );
    expect(results.map(({ status }) => status)).toEqual(users.map((user) => (bus.away.has(shardOf(user)) ? 503 : 202)));
    expect(results[0]!.body).toMatchObject({ code: 'bus_unavailable', status: 503 });
    const { values } = await metrics.refusals.get();
    expect(values).toMatchObject([
      { labels: { code: 'bus_unavailable' }, value: results.filter(({ status }) => status === 503).length },
    ]);
  });

  it('answers 503 for all while the bus is not open', async () => {
    const { bus, batch } = rig();
    bus.shards = 0;
    const results = await batch.answer(
      [to('u1'), { target: 'users', users: [] }, { ...to('u2'), dryRun: true }],
      caller,
    );
    expect(results.map(({ status }) => status)).toEqual([503, 400, 200]);
    expect(bus.calls).toEqual([]);
  });

  it('names the fields of each push from its own root', async () => {
    const { batch } = rig();
    const push = { target: 'all', data: 1, variants: [{ match: '|', data: 2 }] };
    const [result] = await batch.answer([push], caller);
    expect(result!.body).toMatchObject({ code: 'bad_match', errors: [{ pointer: '#/variants/0/match' }] });
  });

  it('does not take a surprise of ours for a bad push', async () => {
    const { bus, batch } = rig();
    bus.publish = () => Promise.reject(new Error('a bug'));
    await expect(batch.answer([to('u1')], caller)).rejects.toThrow('a bug');
  });
});

describe('a batch with keys', () => {
  const keyed = (user: string, idempotencyKey: string, data: unknown = 1) => ({ ...to(user, data), idempotencyKey });

  it('pushes what stands in it twice once, and sees another body', async () => {
    const { bus, batch } = rig();
    const pushes = [
      keyed('u1', 'a'),
      keyed('u1', 'a'),
      keyed('u1', 'b'),
      keyed('u2', 'a'),
      keyed('u1', 'a', 2),
      to('u1'),
    ];
    const results = await batch.answer(pushes, caller);
    expect(results.map(({ status, replayed }) => [status, replayed])).toEqual([
      [202, undefined],
      [202, true],
      [202, undefined],
      [422, undefined],
      [422, undefined],
      [202, undefined],
    ]);
    expect(results[1]!.body).toEqual(results[0]!.body);
    expect(results[3]!.body).toMatchObject({ code: 'idempotency_conflict' });
    expect(bus.calls.flat()).toHaveLength(3);
  });

  it('answers again what was accepted, and pushes what was not', async () => {
    const { bus, batch } = rig();
    const pushes = users.map((user) => keyed(user, `key of ${user}`));
    bus.away.add(bus.shardOf('shop/user:u0'));
    const first = await batch.answer(pushes, caller);
    bus.away.clear();
    bus.calls.length = 0;
    const again = await batch.answer(pushes, caller);
    expect(first.filter(({ status }) => status === 503).length).toBeGreaterThan(1);
    expect(again.map(({ status }) => status)).toEqual(users.map(() => 202));
    const accepted = first.map(({ status }) => status === 202);
    expect(again.map(({ replayed = false }) => replayed)).toEqual(accepted);
    expect(again.map(({ body }) => body).filter((_, i) => accepted[i])).toEqual(
      first.map(({ body }) => body).filter((_, i) => accepted[i]),
    );
    expect(bus.calls.flat()).toHaveLength(first.filter(({ status }) => status === 503).length);
  });

  it('gives the failure of the first to its twin', async () => {
    const { bus, batch } = rig();
    bus.away.add(bus.shardOf('shop/user:u1'));
    const results = await batch.answer([keyed('u1', 'a'), keyed('u1', 'a')], caller);
    expect(results.map(({ status, replayed }) => [status, replayed])).toEqual([
      [503, undefined],
      [503, undefined],
    ]);
  });

  it('may have one key as a whole, which stands for the places without one', async () => {
    const { bus, batch } = rig();
    const pushes = [to('u1'), to('u1'), keyed('u1', 'own')];
    const first = await batch.answer(pushes, caller, 'whole');
    expect(new Set(first.map(({ body }) => (body as { id: string }).id)).size).toBe(3);
    bus.calls.length = 0;
    const again = await batch.answer(pushes, caller, 'whole');
    expect(again).toEqual(first.map((result) => ({ status: result.status, body: result.body, replayed: true })));
    expect((await batch.answer([keyed('u1', 'own')], caller))[0]).toMatchObject({ replayed: true });
    expect((await batch.answer([to('u2')], caller, 'whole'))[0]).toMatchObject({ status: 422 });
    expect(bus.calls).toEqual([]);
  });

  it('refuses only those with a key while the store is away, in one look-up', async () => {
    const { batch, keys, bus } = rig();
    const begin = jest.spyOn(keys, 'begin').mockRejectedValue(new Error('away'));
    const results = await batch.answer([keyed('u1', 'a'), to('u1'), keyed('u1', 'b'), keyed('u1', '')], caller);
    expect(results.map(({ status, body }) => [status, 'code' in body ? body.code : undefined])).toEqual([
      [503, 'idempotency_unavailable'],
      [202, undefined],
      [503, 'idempotency_unavailable'],
      [422, 'bad_name'],
    ]);
    expect(begin).toHaveBeenCalledTimes(1);
    expect(bus.calls.flat()).toHaveLength(1);
  });
});
