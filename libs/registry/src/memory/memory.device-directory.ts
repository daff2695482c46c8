import { DeviceDirectory } from '../device-directory.js';
import type { MemoryRegistry } from './memory-registry.js';

export class MemoryDeviceDirectory extends DeviceDirectory {
  constructor(private readonly registry: MemoryRegistry) {
    super();
  }

  nextSeq(): Promise<number> {
    this.registry.lastConnSeq += 1;
    return Promise.resolve(this.registry.lastConnSeq);
  }

  claim(
    app: string,
    user: string,
    device: string,
    connSeq: number,
    connectionId: string,
  ): Promise<{ replaced: string | undefined } | 'lost'> {
    const key = deviceKey(app, user, device);
    const holder = this.registry.devices.get(key);
    if (holder && holder.connSeq > connSeq) return Promise.resolve('lost');
    this.registry.devices.set(key, { connSeq, connectionId });
    const replaced = holder && holder.connectionId !== connectionId ? holder.connectionId : undefined;
    return Promise.resolve({ replaced });
  }

  release(app: string, user: string, device: string, connectionId: string): Promise<void> {
    const key = deviceKey(app, user, device);
    if (this.registry.devices.get(key)?.connectionId === connectionId) this.registry.devices.delete(key);
    return Promise.resolve();
  }
}

/** Names hold `/`, but no line breaks. */
const deviceKey = (app: string, user: string, device: string): string => `${app}\n${user}\n${device}`;
