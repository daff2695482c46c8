import { ManualClock } from '@app/runtime';
import { describeCensus } from '../census.contract.js';
import { describeDeviceDirectory } from '../device-directory.contract.js';
import { describeMembershipStore } from '../membership-store.contract.js';
import { describeNodeDirectory, type OpenedRegistry } from '../node-directory.contract.js';
import { describePresenceDirectory } from '../presence-directory.contract.js';
import { createMemoryRegistry } from '../registry.module.js';

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
describePresenceDirectory('memory', open);
describeDeviceDirectory('memory', open);
describeMembershipStore('memory', open);
describeCensus('memory', open);
