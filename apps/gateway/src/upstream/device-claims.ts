import { CloseCode } from '@app/protocol';
import type { DeviceDirectory } from '@app/registry';
import type { Log } from '@app/runtime';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import type { LogicClient } from './logic.client.js';

/** One device, one connection: whoever was admitted later keeps the device, the other is closed 4409 wherever it is. */
export class DeviceClaims {
  constructor(
    private readonly devices: DeviceDirectory,
    private readonly sessions: SessionTable,
    private readonly logic: LogicClient,
    private readonly log: Log,
  ) {}

  /** Nothing to do for sessions without user or device. @throws when the registry does not answer. */
  async claim(session: Session): Promise<void> {
    const { app, user, device, connSeq } = session;
    if (user === undefined || device === undefined || session.state === 'closed') return;
    const connectionId = this.sessions.connectionIdOf(session);
    const claimed = await this.devices.claim(app, user, device, connSeq, connectionId);
    if (claimed === 'lost') session.close(CloseCode.replaced);
    // It went while it claimed, and its farewell may have let go too early.
    else if (this.isGone(session)) this.release(session);
    if (claimed !== 'lost' && claimed.replaced !== undefined) this.close(claimed.replaced);
  }

  /** At the session's farewell. */
  release(session: Session): void {
    const { app, user, device } = session;
    if (user === undefined || device === undefined) return;
    this.devices.release(app, user, device, this.sessions.connectionIdOf(session)).catch((error: unknown) => {
      // A later connection of the device takes it over all the same.
      this.log.debug({ err: error, user, device }, 'device not released');
    });
  }

  private close(connectionId: string): void {
    const here = this.sessions.find(connectionId);
    if (here) return here.close(CloseCode.replaced);
    this.logic.replaced([connectionId]).catch((error: unknown) => {
      this.log.warn({ err: error, connection: connectionId }, 'a replaced connection could not be closed');
    });
  }

  private isGone(session: Session): boolean {
    return session.state === 'closed';
  }
}
