import {
  bodyCodec,
  deliveryAckCodec,
  deliveryBatchCodec,
  Encoding,
  firstKnown,
  recordCodec,
  Refusal,
} from './index.js';

const body = {
  id: '01JD0000000000000000000000',
  type: -3,
  encoding: Encoding.text,
  payload: Buffer.from('höi'),
  acceptedAtMs: 1_795_000_000_123,
  expiresAtMs: 1_795_000_060_123,
  traceparent: '',
  excludeUsers: ['ann'],
  excludeConnections: [],
  match: 'platform=ios',
  variants: [{ match: 'beta', encoding: Encoding.json, payload: Buffer.from('1') }],
};

describe('inner wires', () => {
  it('carries a body there and back', () => {
    expect(bodyCodec.decode(bodyCodec.encode(body))).toMatchObject(body);
  });

  it('keeps 53-bit offsets and negative prevs as numbers', () => {
    const batch = {
      epoch: 'e1',
      shard: 3,
      ownerEpoch: 7,
      incarnation: 'k',
      deliveries: [
        {
          offset: Number.MAX_SAFE_INTEGER,
          steps: [{ channel: 'room:a', devices: [], prev: firstKnown }],
          body: Buffer.from('x'),
          app: 'default',
          rate: 0,
        },
      ],
    };
    expect(deliveryBatchCodec.decode(deliveryBatchCodec.encode(batch))).toMatchObject(batch);
  });

  it('has defaults for what an older writer did not know', () => {
    const decoded = recordCodec.decode(Buffer.alloc(0));
    expect([decoded.app, decoded.targets, decoded.part, decoded.expiresAtMs]).toEqual(['', [], 0, 0]);
    expect(deliveryAckCodec.decode(Buffer.alloc(0)).refused).toBe(Refusal.none);
  });

  it('skips fields that a newer writer added', () => {
    const newer = Buffer.concat([bodyCodec.encode(body), Buffer.from([0xfa, 0x01, 0x02, 0x68, 0x69])]); // field 31, "hi"
    expect(bodyCodec.decode(newer).id).toBe(body.id);
  });

  it('lays out a record as the schema says', () => {
    const record = {
      app: 'a', // 0a 01 61
      targets: [{ channel: 'all', devices: [] }], // 12 05 0a 03 616c6c
      body: Buffer.from([0xff]), // 1a 01 ff
      id: 'X', // 22 01 58
      expiresAtMs: 0,
      retain: true, // 30 01
      speed: 0,
      part: 2, // 40 02
    };
    expect(bytesWithoutDefaults(recordCodec.encode(record))).toBe('0a016112050a03616c6c1a01ff22015830014002');
  });

  it('throws on what is no such message', () => {
    expect(() => recordCodec.decode(Buffer.from([0x0a, 0x7f, 0x61]))).toThrow(RangeError);
  });
});

/** The encoder writes zeros that are set; readers take both. */
function bytesWithoutDefaults(bytes: Buffer): string {
  return bytes.toString('hex').replace('2800', '').replace('3800', '');
}
