import { ManualClock } from '@app/runtime';
import { ChannelPolicies } from '../channel-policy.js';
import { describeHistoryStore } from '../history-store.contract.js';
import { MemoryHistoryStore } from './memory.history-store.js';

describeHistoryStore('memory', async (policies) => {
  const clock = new ManualClock();
  const store = new MemoryHistoryStore(policies, clock);
  const until = async (holds: () => Promise<boolean>) => {
    for (let step = 0; !(await holds()); step += 1) {
      if (step === 1_000) throw new Error('it did not come');
      clock.advance(10);
    }
  };
  return { store, until, close: () => store.close() };
});

it('forgets a channel that was quiet for long', async () => {
  const clock = new ManualClock();
  const store = new MemoryHistoryStore(new ChannelPolicies({ 'room:': { size: 5, ttlMs: 1_000 } }), clock);
  const record = { app: 'a', id: 'I', part: 0, retain: true, expiresAtMs: 0, body: Buffer.alloc(0) };
  const targets = [{ channel: 'room:a', devices: [] }];
  const owner = { shard: 0, epoch: 'e', ownerEpoch: 1 };
  await store.claim(owner);
  await store.append(owner, [{ ...record, offset: 4, targets }]);
  clock.advance(24 * 3_600_000);
  expect(await store.tops('a', ['room:a'])).toEqual([{ epoch: 'e', offset: 4, floor: 4, seen: 4 }]);
  clock.advance(8 * 24 * 3_600_000);
  expect(await store.tops('a', ['room:a'])).toEqual([{ epoch: '', offset: -1, floor: -1, seen: -1 }]);
});
