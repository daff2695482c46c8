import { createRequire } from 'node:module';
import { murmur2 } from './murmur2.js';

const kafka = createRequire(__filename)('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number;

describe('murmur2', () => {
  it('is what Kafka clients compute, for every length of tail and any script', () => {
    for (const key of [
      '',
      'a',
      'ab',
      'abc',
      'abcd',
      'default/user:u1',
      'default/room:体育',
      'default/all',
      '🦜'.repeat(9),
    ]) {
      expect(murmur2(Buffer.from(key)) | 0).toBe(kafka(Buffer.from(key)) | 0);
    }
  });
});
