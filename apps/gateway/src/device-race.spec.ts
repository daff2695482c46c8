import { createMemoryRegistry } from '@app/registry';
import { ManualClock } from '@app/runtime';
import { describeDeviceRaces, type OpenedDevices } from './device-race.contract.js';

/** A memory registry that is emptied is another one, which draws its numbers from where the first one was. */
function open(): OpenedDevices {
  const { devices } = createMemoryRegistry(new ManualClock());
  const nextSeq = devices.nextSeq.bind(devices);
  const opened = {
    devices,
    flush: () => {
      opened.devices = Object.assign(createMemoryRegistry(new ManualClock()).devices, { nextSeq });
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return opened;
}

describeDeviceRaces('memory', () => Promise.resolve(open()));
