import * as fc from 'fast-check';
import { deliveryBatchCodec } from './delivery-batch.js';
import type { DeliveryBatch } from './messages.js';
import { skylark } from './wires.generated.js';

/** The same message by the code that is generated from the schema. */
const generated = (
  skylark as unknown as {
    v1: {
      DeliveryBatch: {
        encode(batch: DeliveryBatch): { finish(): Uint8Array };
        decode(bytes: Uint8Array): DeliveryBatch;
      };
    };
  }
).v1.DeliveryBatch;

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('default', 'room:a', 'Ã©', 'é', '\ufeff', '𝄞'),
);
const integer = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(127, 128, 2 ** 28, 2 ** 31, 2 ** 32 - 1, 2 ** 35),
);
const uint32 = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const step = fc.record({
  channel: text,
  devices: fc.array(text, { maxLength: 3 }),
  prev: fc.oneof(fc.integer({ min: -2, max: 300 }), fc.integer({ min: -(2 ** 51), max: 2 ** 51 })),
  after: integer,
});
const delivery = fc.record({
  offset: integer,
  steps: fc.array(step, { maxLength: 3 }),
  body: fc.uint8Array({ maxLength: 200 }),
  app: text,
  rate: uint32,
});
const batches = fc.record({
  epoch: text,
  shard: uint32,
  ownerEpoch: integer,
  incarnation: text,
  deliveries: fc.array(delivery, { maxLength: 6 }),
});

/** Field by field, so that it does not matter which defaults are said. */
const plain = ({ epoch, shard, ownerEpoch, incarnation, deliveries }: DeliveryBatch) => ({
  epoch,
  shard,
  ownerEpoch,
  incarnation,
  deliveries: deliveries.map(({ offset, steps, body, app, rate }) => ({
    offset,
    app,
    rate,
    body: Buffer.from(body).toString('hex'),
    steps: steps.map(({ channel, devices, prev, after = 0 }) => ({ channel, devices: [...devices], prev, after })),
  })),
});

const small: DeliveryBatch = {
  epoch: 'e1',
  shard: 3,
  ownerEpoch: 7,
  incarnation: 'k',
  deliveries: [
    {
      offset: 300,
      steps: [{ channel: 'all', devices: [], prev: -2 }],
      body: Buffer.from([0xff]),
      app: 'a',
      rate: 0,
    },
  ],
};

describe('a batch of deliveries', () => {
  it('is written as the generated code writes it', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const written = generated.encode(batch).finish();
        expect(Buffer.compare(deliveryBatchCodec.encode(batch), written)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('is read as the generated code reads it', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const bytes = generated.encode(batch).finish();
        expect(plain(deliveryBatchCodec.decode(bytes))).toEqual(plain(generated.decode(bytes)));
      }),
      { numRuns: 300 },
    );
  });

  it('has the bytes that the schema says', () => {
    const wanted = [
      '0a 02 6531', // epoch "e1"
      '10 03', // shard
      '18 07', // owner epoch
      '22 01 6b', // incarnation "k"
      '2a 12', // a delivery of 18 bytes:
      '08 ac02', // offset 300
      '12 07 0a 03 616c6c 18 03', // a step: channel "all", prev -2 in zigzag
      '1a 01 ff', // body
      '22 01 61', // app "a"
    ];
    expect(deliveryBatchCodec.encode(small).toString('hex')).toBe(wanted.join('').replaceAll(' ', ''));
  });

  it('may be larger than any other before it', () => {
    const [one] = small.deliveries;
    const large = { ...small, deliveries: [{ ...one!, body: Buffer.alloc(300_000, 'x') }, one!] };
    expect(plain(deliveryBatchCodec.decode(deliveryBatchCodec.encode(large)))).toEqual(plain(large));
  });

  it('owns its bytes: the next one changes nothing of it', () => {
    const first = deliveryBatchCodec.encode(small);
    const before = first.toString('hex');
    deliveryBatchCodec.encode({ ...small, epoch: 'other', deliveries: [] });
    expect(first.toString('hex')).toBe(before);
  });

  it.each(['fa0102', '11', '7d010203', '2a03fa0109'])('is refused when it ends too early: %s', (hex) => {
    expect(() => deliveryBatchCodec.decode(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });

  it('is refused wherever it is cut, but between fields', () => {
    const whole = deliveryBatchCodec.encode(small);
    const isRead = (length: number) => {
      try {
        deliveryBatchCodec.decode(whole.subarray(0, length));
        return true;
      } catch {
        return false;
      }
    };
    const lengths = Array.from({ length: whole.length }, (_, length) => length);
    expect(lengths.filter(isRead)).toEqual([0, 4, 6, 8, 11]);
  });

  it.each([
    ['a number', 'f801ac02'],
    ['bytes', 'fa01026869'],
    ['eight bytes', 'f9010102030405060708'],
    ['four bytes', 'fd0101020304'],
    ['a known field of another kind', '0d01020304'],
  ])('passes over %s of a later version', (_, hex) => {
    const newer = Buffer.concat([deliveryBatchCodec.encode(small), Buffer.from(hex, 'hex')]);
    expect(plain(deliveryBatchCodec.decode(newer))).toMatchObject(plain(small));
  });

  it('refuses what is no UTF-8, and numbers without an end', () => {
    expect(() => deliveryBatchCodec.decode(Buffer.from('0a02c328', 'hex'))).toThrow('not valid');
    expect(() => deliveryBatchCodec.decode(Buffer.from(`10${'ff'.repeat(10)}01`, 'hex'))).toThrow(RangeError);
    expect(() => deliveryBatchCodec.decode(Buffer.from('0b0c', 'hex'))).toThrow(RangeError); // a group
  });
});
