import { Bus, BusUnavailableError, type Publishing } from '@app/bus';
import { recordCodec } from '@app/protocol/wires';
import { createMemoryRegistry } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { DryRun } from './dry-run.js';
import { PushDoor } from './push-door.js';
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

function door() {
  const bus = new PartlyAway();
  const clock = new ManualClock();
  const metrics = new LogicMetrics(new Metrics());
  const pushes = new PushService(bus, { maxPayloadBytes: 100, maxTargets: 10 }, clock, metrics, silentLog);
  const gateways = new Gateways(createMemoryRegistry(clock).nodes, '', silentLog);
  return { bus, metrics, door: new PushDoor(pushes, new DryRun(gateways), bus, metrics) };
}

const caller = { app: 'shop', traceparent: '' };
const to = (user: string, data: unknown = 1) => ({ target: 'users', users: [user], data });
const users = Array.from({ length: 40 }, (_, i) => `u${i}`);

describe('a batch', () => {
  it('goes to each shard at once, in the order given', async () => {
    const { bus, door: pushes } = door();
    const results = await pushes.batch(
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
    const { bus, metrics, door: pushes } = door();
    const shardOf = (user: string) => bus.shardOf(`shop/user:${user}`);
    bus.away.add(shardOf('u0'));
    const results = await pushes.batch(
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
    const { bus, door: pushes } = door();
    bus.shards = 0;
    const results = await pushes.batch(
      [to('u1'), { target: 'users', users: [] }, { ...to('u2'), dryRun: true }],
      caller,
    );
    expect(results.map(({ status }) => status)).toEqual([503, 400, 200]);
    expect(bus.calls).toEqual([]);
  });

  it('names the fields of each push from its own root', async () => {
    const { door: pushes } = door();
    const push = { target: 'all', data: 1, variants: [{ match: '|', data: 2 }] };
    const [result] = await pushes.batch([push], caller);
    expect(result!.body).toMatchObject({ code: 'bad_match', errors: [{ pointer: '#/variants/0/match' }] });
  });

  it('does not take a surprise of ours for a bad push', async () => {
    const { bus, door: pushes } = door();
    bus.publish = () => Promise.reject(new Error('a bug'));
    await expect(pushes.batch([to('u1')], caller)).rejects.toThrow('a bug');
  });
});
