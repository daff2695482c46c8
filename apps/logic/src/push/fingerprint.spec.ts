import { createBus } from '@app/bus';
import type { Target } from '@app/protocol/wires';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { fingerprintOf } from './fingerprint.js';
import { PushService, type PushMessage, type TargetKind } from './push.service.js';

const metrics = new Metrics();
const clock = new ManualClock();
const bus = createBus({ backend: 'embedded', shards: 1, log: silentLog, metrics });
const limits = { maxPayloadBytes: 100_000, maxTargets: 100 };
const pushes = new PushService(bus, limits, clock, new LogicMetrics(metrics), silentLog);

interface Asked {
  app?: string;
  traceparent?: string;
  kind?: TargetKind;
  targets?: Target[];
}

function fingerprint(message: PushMessage, { app = 'a', traceparent = '', kind = 'rooms', targets }: Asked = {}) {
  clock.advance(1);
  const to = targets ?? [{ channel: 'room:a', devices: [] }];
  return fingerprintOf(pushes.check({ app, traceparent }, kind, to, message));
}

describe('a fingerprint', () => {
  const message = { type: 3, data: { a: 1, b: [{ c: 1, d: 2 }] }, ttlMs: 5 };
  const same = fingerprint(message);

  it('does not see the order of keys, nor defaults, nor when and in which trace it came', () => {
    expect(same).toMatch(/^[\w-]{43}$/);
    expect(fingerprint({ ttlMs: 5, data: { b: [{ d: 2, c: 1 }], a: 1 }, type: 3 })).toBe(same);
    expect(fingerprint({ ...message, retain: true, speed: 0 }, { traceparent: 'x' })).toBe(same);
    expect(fingerprint({ data: 1 })).toBe(fingerprint({ data: 1, type: 0 }));
    expect(fingerprint({ data: JSON.parse('{"__proto__":1,"a":2}') as unknown })).toBe(
      fingerprint({ data: JSON.parse('{"a":2,"__proto__":1}') as unknown }),
    );
  });

  it.each<[string, PushMessage, Asked?]>([
    ['the type', { ...message, type: 4 }],
    ['a value', { ...message, data: { a: 2, b: [{ c: 1, d: 2 }] } }],
    ['a key', { ...message, data: { a2: 1, b: [{ c: 1, d: 2 }] } }],
    ['a key that is __proto__', { ...message, data: JSON.parse('{"a":1,"b":[{"c":1,"d":2}],"__proto__":1}') }],
    ['a number as text', { ...message, data: { a: '1', b: [{ c: 1, d: 2 }] } }],
    ['the same JSON as text', { type: 3, ttlMs: 5, text: JSON.stringify(message.data) }],
    ['the time to live', { ...message, ttlMs: 6 }],
    ['no time to live', { type: 3, data: message.data }],
    ['whether it is kept', { ...message, retain: false }],
    ['the pace', { ...message, speed: 1 }],
    ['the match', { ...message, match: 'a' }],
    ['who is excluded', { ...message, exclude: { users: ['u'] } }],
    ['which connection is excluded', { ...message, exclude: { connections: ['g~1~1'] } }],
    ['a variant', { ...message, variants: [{ match: 'a', data: 1 }] }],
    ['the room', message, { targets: [{ channel: 'room:b', devices: [] }] }],
    ['the device', message, { targets: [{ channel: 'room:a', devices: ['d'] }] }],
    ['the route', message, { kind: 'users' }],
    ['the app', message, { app: 'b' }],
  ])('sees %s', (_, other, asked = {}) => {
    expect(fingerprint(other, asked)).not.toBe(same);
  });

  it('sees the order of lists, and what is in variants', () => {
    const targets = ['room:a', 'room:b'].map((channel) => ({ channel, devices: [] }));
    expect(fingerprint(message, { targets })).not.toBe(fingerprint(message, { targets: targets.toReversed() }));
    expect(fingerprint({ data: [1, 2] })).not.toBe(fingerprint({ data: [2, 1] }));
    const variants = (one: unknown) => fingerprint({ data: 0, variants: [{ match: 'a', data: one }] });
    expect(variants({ a: 1, b: 2 })).toBe(variants({ b: 2, a: 1 }));
    expect(variants({ a: 1 })).not.toBe(variants({ a: 2 }));
  });

  it('refuses what is too deep to be put in order', () => {
    const depth = 40_000;
    const deep = JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
    expect(() => fingerprint({ data: deep })).toThrow(expect.objectContaining({ code: 'invalid_body' }));
  });
});
