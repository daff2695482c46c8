import { ManualClock } from '@app/runtime';
import { describeCensus } from '../census.contract.js';
import { describeDeviceDirectory } from '../device-directory.contract.js';
import { describeMembershipStore } from '../membership-store.contract.js';
import { describeNodeDirectory, gatewayEntry, type OpenedRegistry } from '../node-directory.contract.js';
import { describePresenceDirectory } from '../presence-directory.contract.js';
import { createMemoryRegistry } from '../registry.module.js';
import { describeRevocationList } from '../revocation-list.contract.js';

const open = (): Promise<OpenedRegistry> => {
  const clock = new ManualClock();
  const registry = createMemoryRegistry(clock);
  const until = async (holds: () => Promise<boolean>) => {
    for (let step = 0; !(await holds()); step += 1) {
      if (step === 1_000) throw new Error('it did not come');
      clock.advance(10);
    }
  };
  return Promise.resolve({ ...registry, until, close: () => registry.nodes.close() });
};

describeNodeDirectory('memory', open);

describe('the lives of a node in memory', () => {
  it('have other numbers than those of the process before, so that no connection has the id of an earlier one', async () => {
    const clock = new ManualClock();
    const before = createMemoryRegistry(clock);
    const last = [
      await before.nodes.nextIncarnation('logic', 'l1'),
      await before.nodes.nextIncarnation('gateway', 'g1'),
    ];
    clock.advance(500);
    const after = await createMemoryRegistry(clock).nodes.nextIncarnation('gateway', 'g1');
    expect(after).toBeGreaterThan(Math.max(...last));
  });
});

describe('the leases of the memory registry', () => {
  it.each([90_000, -90_000])('run as long as ever when the wall clock jumps by %i ms', async (jumpMs) => {
    const clock = new ManualClock();
    const { nodes } = createMemoryRegistry(clock);
    const incarnation = await nodes.nextIncarnation('gateway', 'g1');
    await nodes.renew(gatewayEntry('g1', incarnation), 3_000);
    clock.jump(jumpMs);
    clock.advance(2_999);
    expect(await nodes.list('gateway')).toMatchObject([{ id: 'g1', leased: true }]);
    clock.advance(1);
    expect(await nodes.list('gateway')).toMatchObject([{ id: 'g1', leased: false }]);
  });
});

describePresenceDirectory('memory', open);
describeDeviceDirectory('memory', open);
describeMembershipStore('memory', open);
describeRevocationList('memory', open, () => new ManualClock().now());
describeCensus('memory', open);
