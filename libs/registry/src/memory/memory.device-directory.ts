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
  ): Promise<{ replaced: string[] } | 'lost'> {
    const key = deviceKey(app, user, device);
    const others = new Map(this.registry.devices.get(key));
    others.delete(connectionId);
    for (const otherSeq of others.values()) if (otherSeq > connSeq) return Promise.resolve('lost');
    this.registry.devices.set(key, new Map(others).set(connectionId, connSeq));
    return Promise.resolve({ replaced: [...others.keys()] });
  }

  release(app: string, user: string, device: string, connectionId: string): Promise<void> {
    const key = deviceKey(app, user, device);
    const claims = this.registry.devices.get(key);
    claims?.delete(connectionId);
    if (claims?.size === 0) this.registry.devices.delete(key);
    return Promise.resolve();
  }
}

/** Names hold `/`, but no line breaks. */
const deviceKey = (app: string, user: string, device: string): string => `${app}\n${user}\n${device}`;
