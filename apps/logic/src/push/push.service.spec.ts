import { Bus, BusUnavailableError, type Publishing } from '@app/bus';
import { CodedError, userChannel } from '@app/protocol';
import { Encoding, bodyCodec, recordCodec, type Target } from '@app/protocol/wires';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { PushService, type PushMessage, type TargetKind } from './push.service.js';

class KeepingBus extends Bus {
  shards = 4;
  life = 'kept';
  durable = true;
  away = false;
  readonly published: Publishing[] = [];

  async publish(records: readonly Publishing[]): Promise<void> {
    if (this.away) throw new BusUnavailableError('away');
    this.published.push(...records);
  }

  get bodies() {
    return this.published.map(({ value }) => bodyCodec.decode(recordCodec.decode(value).body));
  }

  get targets(): Target[] {
    return this.published.flatMap(({ value }) => recordCodec.decode(value).targets);
  }

  open = async () => {};
  consume = async () => {};
  problem = async () => undefined;
  close = async () => {};
}

function service() {
  const bus = new KeepingBus();
  const metrics = new Metrics();
  const clock = new ManualClock(1_700_000_000_000);
  const pushes = new PushService(
    bus,
    { maxPayloadBytes: 100, maxTargets: 1_000 },
    clock,
    new LogicMetrics(metrics),
    silentLog,
  );
  const caller = { app: 'shop', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const push = async (kind: TargetKind, channels: string[], message: PushMessage) =>
    pushes.put(
      pushes.check(
        caller,
        kind,
        channels.map((channel) => ({ channel, devices: [] })),
        message,
      ),
    );
  return { bus, metrics, push };
}

describe('PushService', () => {
  it('puts each user into the shard of their channel, with one body', async () => {
    const { bus, push } = service();
    const users = Array.from({ length: 200 }, (_, i) => userChannel(`u${i}`));
    const { id } = await push('users', users, { type: 3, data: { a: [1] } });
    expect(bus.published).toHaveLength(4);
    expect(new Set(bus.published.map(({ shard }) => shard))).toEqual(new Set([0, 1, 2, 3]));
    for (const { shard, value } of bus.published) {
      for (const { channel } of recordCodec.decode(value).targets) expect(bus.shardOf(`shop/${channel}`)).toBe(shard);
    }
    expect(bus.targets.map(({ channel }) => channel).sort()).toEqual(users.toSorted());
    expect(new Set(bus.published.map(({ value }) => String(recordCodec.decode(value).body))).size).toBe(1);
    expect(bus.bodies[0]).toMatchObject({
      id,
      type: 3,
      encoding: Encoding.json,
      payload: Buffer.from('{"a":[1]}'),
      acceptedAtMs: 1_700_000_000_000,
      expiresAtMs: 0,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
  });

  it('takes each channel once', async () => {
    const { bus, push } = service();
    await push('rooms', ['room:a', 'room:b', 'room:a'], { text: 'x' });
    expect(bus.targets.map(({ channel }) => channel).sort()).toEqual(['room:a', 'room:b']);
  });

  it('keeps text and bytes as they are', async () => {
    const { bus, push } = service();
    await push('all', ['all'], { text: '体育 🦜' });
    await push('all', ['all'], { base64: 'AP8=' });
    expect(bus.bodies.map(({ encoding, payload }) => [encoding, payload])).toEqual([
      [Encoding.text, Buffer.from('体育 🦜')],
      [Encoding.binary, Buffer.from([0, 255])],
    ]);
  });

  it('says until when it lives, whom it skips, and whether it is kept', async () => {
    const { bus, push } = service();
    await push('all', ['all'], {
      data: 1,
      ttlMs: 500,
      retain: false,
      exclude: { users: ['e\u0301', 'é'], connections: ['g~1~1'] },
    });
    expect(bus.bodies[0]).toMatchObject({
      expiresAtMs: 1_700_000_000_500,
      excludeUsers: ['é'],
      excludeConnections: ['g~1~1'],
    });
    expect(recordCodec.decode(bus.published[0]!.value)).toMatchObject({
      expiresAtMs: 1_700_000_000_500,
      retain: false,
    });
  });

  it('says for whom it is, what some get instead, and how fast', async () => {
    const { bus, push } = service();
    await push('labels', ['all'], {
      text: 'hello',
      match: 'platform=ios',
      variants: [
        { match: 'lang=fr', text: 'salut' },
        { match: 'beta', data: { a: 1 } },
      ],
      speed: 500,
      exclude: { connections: ['g~1~1', 'no id'.repeat(1_000)] },
    });
    expect(bus.bodies[0]).toMatchObject({
      match: 'platform=ios',
      variants: [
        { match: 'lang=fr', encoding: Encoding.text, payload: Buffer.from('salut') },
        { match: 'beta', encoding: Encoding.json, payload: Buffer.from('{"a":1}') },
      ],
      excludeConnections: ['g~1~1'],
    });
    expect(recordCodec.decode(bus.published[0]!.value)).toMatchObject({ speed: 500, retain: true });
  });

  it('never keeps what goes to a connection, and counts an id that is none', async () => {
    const { bus, metrics, push } = service();
    await push('connections', ['connection:g~1~1', 'connection:nonsense', 'connection:'], { text: 'x' });
    expect(bus.targets).toEqual([{ channel: 'connection:g~1~1', devices: [] }]);
    expect(recordCodec.decode(bus.published[0]!.value).retain).toBe(false);
    expect(await metrics.registry.metrics()).toContain('reason="no_such_connection"} 2');
  });

  it('says when a crash would lose it', async () => {
    const { bus, push } = service();
    expect(await push('all', ['all'], { text: 'x' })).not.toHaveProperty('durable');
    bus.durable = false;
    expect(await push('all', ['all'], { text: 'x' })).toMatchObject({ durable: false });
  });

  it('measures bytes, not characters', async () => {
    const { push } = service();
    await push('all', ['all'], { text: '体'.repeat(33) });
    await expect(push('all', ['all'], { text: '体'.repeat(34) })).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(push('all', ['all'], { data: 'x'.repeat(99) })).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(push('all', ['all'], { base64: Buffer.alloc(101).toString('base64') })).rejects.toBeInstanceOf(
      CodedError,
    );
  });

  it('refuses too many targets before it drops repeats', async () => {
    const { bus, push } = service();
    const users = Array.from({ length: 1_001 }, () => 'user:u');
    await expect(push('users', users, { text: 'x' })).rejects.toMatchObject({ code: 'too_many_targets' });
    expect(bus.published).toEqual([]);
  });

  it('counts each device as a target', async () => {
    const { bus } = service();
    const counters = new LogicMetrics(new Metrics());
    const pushes = new PushService(bus, { maxPayloadBytes: 9, maxTargets: 3 }, new ManualClock(), counters, silentLog);
    const targets = ['a', 'b'].map((user) => ({ channel: userChannel(user), devices: ['1', '2'] }));
    const caller = { app: 'shop', traceparent: '' };
    expect(() => pushes.check(caller, 'devices', targets, { text: 'x' })).toThrow(
      expect.objectContaining({ code: 'too_many_targets' }),
    );
  });

  it('lets the bus say no, also before it is open, and counts nothing as accepted', async () => {
    const { bus, metrics, push } = service();
    bus.away = true;
    await expect(push('all', ['all'], { text: 'x' })).rejects.toBeInstanceOf(BusUnavailableError);
    bus.shards = 0;
    await expect(push('all', ['all'], { text: 'x' })).rejects.toBeInstanceOf(BusUnavailableError);
    expect(await metrics.registry.metrics()).not.toMatch(/skylark_pushes_total\{/);
  });
});
