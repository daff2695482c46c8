import type { RedisLink } from '@app/runtime';
import { DeviceDirectory } from '../device-directory.js';
import { defineRegistryCommands } from './commands.js';

/** A user's devices are forgotten when none of them was claimed for this long: what crashed gateways never released. */
const lifeMs = 30 * 24 * 3_600_000;

/** One hash a user, device → lines of `<connSeq> <connection id>`; one counter for all, so that a number needs no memory per device. */
export class RedisDeviceDirectory extends DeviceDirectory {
  constructor(
    private readonly link: RedisLink,
    private readonly prefix: string,
  ) {
    super();
    defineRegistryCommands(link);
  }

  async nextSeq(): Promise<number> {
    return (await this.link.connected()).skylarkNext(`${this.prefix}connSeq`, 1);
  }

  async claim(
    app: string,
    user: string,
    device: string,
    connSeq: number,
    connectionId: string,
  ): Promise<{ replaced: string[] } | 'lost'> {
    const redis = await this.link.connected();
    const replaced = await redis.skylarkClaimDevice(this.key(app, user), device, connSeq, connectionId, lifeMs);
    return replaced === null ? 'lost' : { replaced };
  }

  async release(app: string, user: string, device: string, connectionId: string): Promise<void> {
    await (await this.link.connected()).skylarkReleaseDevice(this.key(app, user), device, connectionId);
  }

  private key(app: string, user: string): string {
    return `${this.prefix}d:{${app}/${user}}`;
  }
}
