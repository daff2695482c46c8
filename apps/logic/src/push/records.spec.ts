import { recordCodec } from '@app/protocol/wires';
import { recordsOf, type Push } from './records.js';

const push = (...channels: string[]): Push => ({
  app: 'default',
  targets: channels.map((channel) => ({ channel, devices: [] })),
  body: Buffer.from('body'),
  id: '01JD9Z3M6W8Q4V5T7X2Y1N0KBC',
  expiresAtMs: 0,
  retain: true,
  speed: 0,
});
/** The digit at the end of a channel's name is its shard. */
const shardOf = (key: string) => Number(key.at(-1));
const channelsOf = (value: Buffer) => recordCodec.decode(value).targets.map(({ channel }) => channel);

describe('recordsOf', () => {
  it('makes one record per shard, channels in the order given', () => {
    const records = recordsOf(push('user:a3', 'user:b1', 'user:c3'), shardOf);
    expect(records.map(({ shard, key, value }) => [shard, key, channelsOf(value)])).toEqual([
      [3, 'default/user:a3', ['user:a3', 'user:c3']],
      [1, 'default/user:b1', ['user:b1']],
    ]);
    expect(recordCodec.decode(records[0]!.value)).toMatchObject({
      id: push().id,
      part: 0,
      retain: true,
      app: 'default',
    });
  });

  it('splits what is too large, counting parts, and loses nobody', () => {
    const users = Array.from({ length: 1_000 }, (_, i) => `user:${'名'.repeat(30)}${i}-1`);
    const records = recordsOf(push(...users), shardOf, 8_192);
    expect(records.length).toBeGreaterThan(1);
    expect(records.map(({ value }) => recordCodec.decode(value).part)).toEqual(records.map((_, i) => i));
    for (const { value } of records) expect(value.length).toBeLessThanOrEqual(8_192);
    expect(records.flatMap(({ value }) => channelsOf(value))).toEqual(users);
  });

  it('counts devices too', () => {
    const targets = ['user:a1', 'user:b1'].map((channel) => ({ channel, devices: ['d'.repeat(5_000)] }));
    expect(recordsOf({ ...push(), targets }, shardOf, 8_192)).toHaveLength(2);
  });

  it('gives a body that leaves no room a record per target', () => {
    expect(recordsOf({ ...push('user:a1', 'user:b1'), body: Buffer.alloc(9_000) }, shardOf, 8_192)).toHaveLength(2);
  });
});
