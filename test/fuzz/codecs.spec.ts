import { isNativeError } from 'node:util/types';
import * as fc from 'fast-check';
import {
  compileMatch,
  formatConnectionId,
  formatPosition,
  isMessageId,
  messageIdOfHash,
  newMessageId,
  normalName,
  parseChannel,
  parseClientPacket,
  parseConnectionId,
  parseLabels,
  parseMatch,
  parsePosition,
  parseSince,
  type Expression,
} from '@app/protocol';
import { Encoding, bodyCodec, deliveryAckCodec, deliveryBatchCodec, recordCodec } from '@app/protocol/wires';
import { ManualClock } from '@app/runtime';
import { Cursors } from '../../apps/logic/src/rest/cursors.js';
import { parsePolicies } from '../../libs/history/src/channel-policy.js';
import { packTail, unpackEntry } from '../../libs/history/src/redis/packed-entry.js';
import { FrameReader, Kind, frameHead, type Frame } from '../../libs/rpc/src/frame.js';

/** Texts as strangers write them: any characters, and those that mean something to one of our readers. */
const garbage = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'~:@/,=!&|()-_.0123456789abzé體 \u0000"{}[]'.split('')), maxLength: 60 }),
  fc.string({ unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 20 }), // halves of pairs too
  fc.json(),
);
const name = fc
  .string({ unit: fc.constantFrom(...'abzé體9._:@/-'.split('')), minLength: 1, maxLength: 20 })
  .map((text) => normalName(text)!);
const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const offset = fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER });
const uint = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const big = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'grapheme', maxLength: 30 });

/** What a reader gives back must be what a writer would write; what it does not take it must refuse in its own way. */
const holds = <T>(arbitrary: fc.Arbitrary<T>, claim: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, claim), { numRuns: 1_000 });

function thrownBy(run: () => unknown): Error | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const noRecord = { app: '', body: Buffer.alloc(0), id: '', expiresAtMs: 0, retain: false, speed: 0, part: 0 };

describe('texts', () => {
  it('positions', () => {
    holds(fc.record({ epoch, offset }), (position) =>
      expect(parsePosition(formatPosition(position))).toEqual(position),
    );
    holds(garbage, (given) => {
      const position = parsePosition(given);
      expect(position ? formatPosition(position) : given).toBe(given);
    });
  });

  it('since', () => {
    const position = fc.record({ epoch, offset });
    const channel = fc.oneof(
      fc.constantFrom('user', 'all'),
      name.map((room) => `room:${room}`),
    );
    holds(
      fc.uniqueArray(fc.tuple(channel, position), { minLength: 1, maxLength: 9, selector: ([key]) => key }),
      (items) => {
        const since = items.map(([key, at]) => `${key}@${formatPosition(at)}`).join(',');
        expect([...parseSince(since)!]).toEqual(items);
      },
    );
    holds(garbage, (given) => {
      for (const key of parseSince(given)?.keys() ?? []) expect(key).toMatch(/^(user|all|room:[^]+)$/);
    });
  });

  it('connection ids', () => {
    const id = fc.record({
      node: fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
      incarnation: fc.integer({ min: 0, max: 36 ** 10 - 1 }),
      serial: fc.integer({ min: 0, max: 36 ** 10 - 1 }),
    });
    holds(id, (given) => expect(parseConnectionId(formatConnectionId(given))).toEqual(given));
    holds(fc.tuple(garbage, fc.constantFrom('', '~1~1', '~k~2s')), ([node, rest]) => {
      const given = `${node}${rest}`;
      const channel = parseConnectionId(given) ? `connection:${given}` : 'all';
      const sent = recordCodec.encode({ ...noRecord, targets: [{ channel, devices: [] }] });
      expect(recordCodec.decode(sent).targets[0]!.channel).toBe(channel);
    });
  });

  it('message ids', () => {
    holds(fc.uint8Array({ minLength: 17, maxLength: 32 }), (hash) =>
      expect(isMessageId(messageIdOfHash(hash))).toBe(true),
    );
    holds(fc.integer({ min: 0, max: 2 ** 47 }), (nowMs) => expect(isMessageId(newMessageId(nowMs))).toBe(true));
  });

  it('names, channels and labels', () => {
    holds(garbage, (given) => {
      const normal = normalName(given);
      if (normal === undefined) return;
      expect(normalName(normal)).toBe(normal);
      expect(Buffer.byteLength(normal)).toBeLessThanOrEqual(128);
      expect(parseChannel(`room:${normal}`)).toEqual({ kind: 'room', name: normal });
    });
    holds(garbage, (given) => {
      const parsed = parseChannel(given) ?? { kind: 'none', name: given };
      expect([given, `none:${given}`]).toContain(parsed.kind === 'all' ? 'all' : `${parsed.kind}:${parsed.name}`);
    });
    holds(garbage, (given) => {
      for (const [key, value] of Object.entries(parseLabels(given) ?? {})) {
        expect([normalName(key), value && normalName(value)]).toEqual([key, value]);
      }
    });
  });

  it('policies', () => {
    const policy = fc.record({
      prefix: fc.oneof(fc.constant('all'), fc.stringMatching(/^(user|room):[a-z:]{0,8}$/)),
      size: fc.integer({ min: 1, max: 999_999 }),
      minutes: fc.integer({ min: 1, max: 9_999 }),
    });
    holds(policy, ({ prefix, size, minutes }) => {
      expect(parsePolicies(`${prefix}=${size}/${minutes}m`).of(prefix)).toEqual({ size, ttlMs: minutes * 60_000 });
    });
    holds(garbage, (given) => {
      const refusal = thrownBy(() => parsePolicies(given));
      expect(refusal?.message ?? 'must list').toMatch(/^must (list|say)/);
    });
  });

  it('label expressions', () => {
    const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        fc.record({ is: fc.constant('label' as const), key: name, value: fc.option(name, { nil: undefined }) }),
        fc.record({ is: fc.constant('not' as const), of: tie('expression') }),
        fc.record({
          is: fc.constantFrom('and' as const, 'or' as const),
          of: fc.array(tie('expression'), { minLength: 2, maxLength: 3 }),
        }),
      ),
    }));
    const written = (tree: Expression): string => {
      if (tree.is === 'label') return tree.value === undefined ? tree.key : `${tree.key} = ${tree.value}`;
      if (tree.is === 'not') return `!(${written(tree.of)})`;
      return tree.of.map((part) => `(${written(part)})`).join(tree.is === 'and' ? ' & ' : '|');
    };
    holds(expression, (tree) => {
      const given = written(tree);
      fc.pre(given.length <= 1_024);
      expect(parseMatch(given)).toEqual(tree);
    });
    holds(garbage, (given) => expect(['boolean', 'undefined']).toContain(typeof compileMatch(given)?.({ a: 'b' })));
  });

  it('packets of clients', () => {
    const packet = fc.record({
      type: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      data: fc.jsonValue(),
      ref: text,
    });
    holds(packet, (given) => {
      const sent = JSON.stringify(given);
      expect(parseClientPacket(sent)).toEqual(JSON.parse(sent));
    });
    holds(garbage, (given) => {
      expect(Number.isInteger(parseClientPacket(given)?.type ?? 0)).toBe(true);
    });
  });

  it('cursors', () => {
    const cursors = new Cursors('a secret', new ManualClock(1.7e12));
    holds(fc.tuple(fc.array(text, { minLength: 1, maxLength: 4 }), text), ([list, place]) =>
      expect(cursors.read(list, cursors.write(list, place))).toBe(place),
    );
    holds(garbage, (given) => expect(() => cursors.read(['rooms'], given)).toThrow(/no cursor/));
  });
});

describe('bytes', () => {
  const encoding = fc.constantFrom(...Object.values(Encoding));
  const texts = fc.array(text, { maxLength: 3 });
  const body = fc.record({
    id: text,
    type: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    encoding,
    payload: bytes,
    acceptedAtMs: big,
    expiresAtMs: big,
    traceparent: text,
    excludeUsers: texts,
    excludeConnections: texts,
    match: text,
    variants: fc.array(fc.record({ match: text, encoding, payload: bytes }), { maxLength: 3 }),
  });
  const target = fc.record({ channel: text, devices: texts });
  const record = fc.record({
    app: text,
    targets: fc.array(target, { maxLength: 4 }),
    body: bytes,
    id: text,
    expiresAtMs: big,
    retain: fc.boolean(),
    speed: uint,
    part: uint,
  });
  const step = fc.record({
    channel: text,
    devices: texts,
    prev: fc.integer({ min: -2, max: Number.MAX_SAFE_INTEGER }),
  });
  const batch = fc.record({
    epoch: text,
    shard: uint,
    ownerEpoch: big,
    incarnation: text,
    deliveries: fc.array(
      fc.record({ offset: big, steps: fc.array(step, { maxLength: 3 }), body: bytes, app: text, rate: uint }),
      { maxLength: 3 },
    ),
  });
  const ack = fc.record({
    taken: big,
    refused: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const, 4 as const),
    gone: fc.array(fc.record({ offset: big, channel: text }), { maxLength: 3 }),
  });

  const wires = [
    ['bodies', body, bodyCodec],
    ['records', record, recordCodec],
    ['batches of deliveries', batch, deliveryBatchCodec],
    ['answers to them', ack, deliveryAckCodec],
  ] as unknown as [
    string,
    fc.Arbitrary<object>,
    { encode(message: object): Buffer; decode(bytes: Uint8Array): object },
  ][];

  describe.each(wires)('%s', (_name, message, codec) => {
    it('come back as they were', () =>
      holds(message, (given) => expect(codec.decode(codec.encode(given))).toMatchObject(given)));

    it('are refused with an error when they are none', () => {
      const cut = fc.tuple(message, fc.nat(), fc.nat({ max: 255 })).map(([given, at, byte]) => {
        const whole = Buffer.from(codec.encode(given));
        if (whole.length === 0) return whole;
        whole[at % whole.length] = byte;
        return whole.subarray(0, whole.length - (at % 3));
      });
      holds(fc.oneof(bytes, cut), (given) => {
        const refusal = thrownBy(() => codec.encode(codec.decode(given)));
        expect(refusal === undefined || isNativeError(refusal)).toBe(true);
      });
    });
  });

  it('entries of history', () => {
    const devices = fc.array(text, { maxLength: 4 });
    holds(fc.tuple(big, devices, bytes, big, offset), ([expiresAtMs, its, content, at, prev]) => {
      const head = Buffer.alloc(24);
      head.writeDoubleBE(at, 0);
      head.writeDoubleBE(prev, 8);
      const entry = unpackEntry(Buffer.concat([head, packTail(expiresAtMs, its, content)]));
      expect(entry).toEqual({ offset: at, prev, devices: its, body: content, expiresAtMs });
    });
    holds(fc.uint8Array({ maxLength: 120 }), (given) => {
      expect(unpackEntry(Buffer.from(given))?.body.length ?? 0).toBeLessThanOrEqual(given.length);
    });
  });

  it('frames of RPC, however they are cut', () => {
    const frame = fc.record({
      kind: fc.constantFrom(...Object.values(Kind)),
      id: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), maxLength: 40 }),
      pattern: text,
      bytes,
      last: fc.boolean(),
      empty: fc.boolean(),
    });
    holds(
      fc.tuple(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 20 })),
      ([frames, cuts]) => {
        const stream = Buffer.concat(frames.flatMap((one) => [frameHead(one, one.bytes.length), one.bytes]));
        const reader = new FrameReader(1_024);
        const read: Frame[] = [];
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const size = 1 + cuts[i % cuts.length]!;
          reader.push(
            stream.subarray(at, at + size),
            (one) => read.push({ ...one, bytes: Buffer.from(one.bytes) }) > 0,
          );
          at += size;
        }
        expect(read).toEqual(frames);
      },
    );
  });

  it('bytes that are no frames of RPC', () => {
    const mostlyShort = fc.tuple(fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 60 })).map(([size, rest]) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(size);
      return Buffer.concat([head, rest]);
    });
    holds(fc.array(fc.oneof(bytes, mostlyShort), { maxLength: 4 }), (chunks) => {
      const reader = new FrameReader(256);
      const kinds: Kind[] = [];
      const refusal = thrownBy(() => chunks.forEach((chunk) => reader.push(chunk, ({ kind }) => kinds.push(kind) > 0)));
      expect(refusal?.name ?? 'FrameError').toBe('FrameError');
      expect(Object.values(Kind)).toEqual(expect.arrayContaining(kinds));
    });
  });
});
