import { Bus, BusUnavailableError, type Publishing } from '@app/bus';
import { createMemoryIdempotency, type IdempotencyStore } from '@app/history';
import { bodyCodec, recordCodec } from '@app/protocol/wires';
import { createMemoryRegistry } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { DryRun } from './dry-run.js';
import { Once } from './once.js';
import { PushDoor } from './push-door.js';
import { PushService } from './push.service.js';

const hour = 3_600_000;
const minute = 60_000;

/** Holds what it is given, also when it says that it did not. */
class Unsure extends Bus {
  shards = 4;
  life = 'kept';
  durable = false;
  answers = true;
  readonly held: Publishing[][] = [];

  async publish(records: readonly Publishing[]): Promise<void> {
    this.held.push([...records]);
    if (!this.answers) throw new BusUnavailableError('no answer');
  }

  open = async () => {};
  consume = async () => {};
  problem = async () => undefined;
  close = async () => {};
}

function rig() {
  const bus = new Unsure();
  const clock = new ManualClock(1_700_000_000_000);
  const metrics = new Metrics();
  const counters = new LogicMetrics(metrics);
  const store = createMemoryIdempotency({ pendingMs: minute, ttlMs: 24 * hour, maxBytes: 1_000_000 }, clock);
  /** Another process with the same store and bus. */
  const another = (keys: IdempotencyStore = store) => {
    const pushes = new PushService(bus, { maxPayloadBytes: 1_000, maxTargets: 100 }, clock, counters, silentLog);
    const dryRun = new DryRun(new Gateways(createMemoryRegistry(clock).nodes, '', silentLog));
    const door = new PushDoor(pushes, new Once(keys, counters, silentLog), dryRun);
    return (body: object, { key = 'k', app = 'shop', traceparent = '' }: Asked = {}) =>
      door.one('users', body, { app, traceparent }, key === '' ? undefined : key);
  };
  return { bus, clock, metrics, store, another, push: another() };
}

interface Asked {
  /** `k` when missing, none when empty. */
  key?: string;
  app?: string;
  traceparent?: string;
}

const users = Array.from({ length: 40 }, (_, i) => `u${i}`);
const message = { users, text: 'x', ttlMs: 5_000 };
const coded = (code: string) => expect.objectContaining({ code });
const trace = (n: number) => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333${n}-01`;

/** Some call fails after it was done, as when the connection breaks before the answer. */
function losing(store: IdempotencyStore, call: 'begin' | 'end', when: 'before' | 'after'): IdempotencyStore {
  return new Proxy(store, {
    get: (target, name) => {
      const member = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      if (name !== call) return member.bind(target);
      return async (...args: unknown[]) => {
        if (when === 'after') await member.apply(target, args);
        throw new Error('cut');
      };
    },
  });
}

describe('a push with a key', () => {
  it('is answered as at first, to the byte, and pushed once', async () => {
    const { bus, clock, metrics, push, another } = rig();
    const first = await push(message);
    clock.advance(24 * hour - 1);
    const again = await another()(message, { traceparent: trace(1) });
    expect(first).toMatchObject({ status: 202, isReplay: false });
    expect(again).toEqual({ ...first, isReplay: true });
    expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body));
    expect(first.body).toMatchObject({ durable: false, acceptedAt: '2023-11-14T22:13:20.000Z' });
    expect(bus.held).toHaveLength(1);
    expect(await metrics.registry.metrics()).toContain('skylark_pushes_total{target="users"} 1');
  });

  it('begins anew after its time', async () => {
    const { bus, clock, push } = rig();
    const first = await push(message);
    clock.advance(24 * hour);
    const again = await push({ ...message, text: 'another' });
    expect(again.isReplay).toBe(false);
    expect(again.body).not.toEqual(first.body);
    expect(bus.held).toHaveLength(2);
  });

  it('is refused with another body or at another route, whether or not it has ended', async () => {
    const { bus, push } = rig();
    bus.answers = false;
    await expect(push(message)).rejects.toBeInstanceOf(BusUnavailableError);
    await expect(push({ ...message, text: 'y' })).rejects.toEqual(coded('idempotency_conflict'));
    bus.answers = true;
    await push(message);
    await expect(push({ ...message, text: 'y' })).rejects.toEqual(coded('idempotency_conflict'));
    expect(bus.held).toHaveLength(2);
  });

  it('is of its app', async () => {
    const { bus, push } = rig();
    const [shop, cinema] = [await push(message), await push(message, { app: 'cinema' })];
    expect(cinema.isReplay).toBe(false);
    expect(cinema.body).not.toEqual(shop.body);
    expect(bus.held).toHaveLength(2);
  });

  it('makes the same records, to the byte, when nobody knows whether the bus took it', async () => {
    const { bus, clock, push, another } = rig();
    bus.answers = false;
    await expect(push(message, { traceparent: trace(1) })).rejects.toBeInstanceOf(BusUnavailableError);
    clock.advance(minute - 1);
    bus.answers = true;
    const { body } = await another()(message, { traceparent: trace(2) });
    expect(bus.held[0]!.length).toBeGreaterThan(1);
    expect(bus.held[1]).toEqual(bus.held[0]);
    expect(body).toMatchObject({ acceptedAt: '2023-11-14T22:13:20.000Z' });
  });

  it('has a new time to live but the same id, when it comes back late', async () => {
    const { bus, clock, push } = rig();
    bus.answers = false;
    await expect(push(message)).rejects.toBeInstanceOf(BusUnavailableError);
    clock.advance(minute);
    await expect(push({ ...message, text: 'y' })).rejects.toEqual(coded('idempotency_conflict'));
    bus.answers = true;
    await push(message);
    const [first, second] = bus.held.map(([record]) => bodyCodec.decode(recordCodec.decode(record!.value).body));
    expect(second).toEqual({
      ...first!,
      acceptedAtMs: first!.acceptedAtMs + minute,
      expiresAtMs: first!.expiresAtMs + minute,
    });
  });

  it('has one answer however many ask at once', async () => {
    const { bus, push, another } = rig();
    const asked = [push, another(), another()].flatMap((one) => [one(message), one(message)]);
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(new Set(bus.held.map((records) => String(records[0]!.value))).size).toBe(1);
  });

  it.each(['before', 'after'] as const)('is not pushed when the store is cut %s it has noted it', async (when) => {
    const { bus, another, store } = rig();
    const cut = another(losing(store, 'begin', when));
    await expect(cut(message)).rejects.toEqual(coded('idempotency_unavailable'));
    expect(bus.held).toEqual([]);
    expect(await another()(message)).toMatchObject({ status: 202, isReplay: false });
    expect(bus.held).toHaveLength(1);
  });

  it.each(['before', 'after'] as const)('is accepted when the store is cut %s the end', async (when) => {
    const { bus, another, store } = rig();
    const first = await another(losing(store, 'end', when))(message);
    expect(first).toMatchObject({ status: 202, isReplay: false });
    const again = await another()(message);
    expect(again).toEqual({ ...first, isReplay: when === 'after' });
    expect(bus.held).toEqual(Array.from({ length: when === 'before' ? 2 : 1 }, () => bus.held[0]));
  });

  it('leaves those without one alone while the store is away', async () => {
    const { bus, another, store } = rig();
    const door = another(losing(losing(store, 'begin', 'before'), 'end', 'before'));
    await expect(door(message)).rejects.toEqual(coded('idempotency_unavailable'));
    expect(await door(message, { key: '' })).toBeDefined();
    expect(bus.held).toHaveLength(1);
  });

  it('is not used up by a dry run, nor by a refusal', async () => {
    const { push } = rig();
    expect(await push({ ...message, text: 'y', dryRun: true })).toMatchObject({ status: 200 });
    await expect(push({ ...message, text: 'y'.repeat(2_000) })).rejects.toEqual(coded('payload_too_large'));
    expect(await push(message)).toMatchObject({ status: 202, isReplay: false });
    expect(await push({ ...message, dryRun: true })).toMatchObject({ status: 200, isReplay: false });
  });
});
