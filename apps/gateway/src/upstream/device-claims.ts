import { CloseCode } from '@app/protocol';
import type { DeviceDirectory } from '@app/registry';
import { backoffMs, type Clock, type Log } from '@app/runtime';
import type { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import type { LogicClient } from './logic.client.js';

/** Claims, or connections to be closed, in one go. */
const atOnce = 250;

/** A connection elsewhere that lost its device to one of ours. */
interface Replaced {
  connectionId: string;
  winner: Session;
}

/** One device, one connection: whoever was admitted later keeps the device, the other is closed 4409 wherever it is. */
export class DeviceClaims {
  private replaced: Replaced[] = [];

  constructor(
    private readonly devices: DeviceDirectory,
    private readonly sessions: SessionTable,
    private readonly logic: Pick<LogicClient, 'replaced'>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Nothing to do for sessions without user or device. @throws when the registry does not answer. */
  async claim(session: Session): Promise<void> {
    const { app, user, device, connSeq } = session;
    if (user === undefined || device === undefined || isGone(session)) return;
    const claimed = await this.devices.claim(app, user, device, connSeq, this.sessions.connectionIdOf(session));
    if (claimed === 'lost') return session.close(CloseCode.replaced);
    // It went while it claimed, and its farewell may have let go too early. Who was here before it may stay.
    if (isGone(session)) return this.release(session);
    for (const connectionId of claimed.replaced) this.replace(connectionId, session);
  }

  /** All devices that are here: the registry has lost what this node had claimed. @throws when it does not answer. */
  async assertAll(): Promise<void> {
    let group: Session[] = [];
    for (const session of this.sessions) {
      if (session.device === undefined || group.push(session) < atOnce) continue;
      await Promise.all(group.map((claiming) => this.claim(claiming)));
      group = [];
    }
    await Promise.all(group.map((claiming) => this.claim(claiming)));
  }

  /** At the session's farewell. */
  release(session: Session): void {
    this.letGo(session, this.sessions.connectionIdOf(session));
  }

  /** For the connection of a device that is this session's too. */
  private letGo({ app, user, device }: Session, connectionId: string): void {
    if (user === undefined || device === undefined) return;
    this.devices.release(app, user, device, connectionId).catch((error: unknown) => {
      // Who claims the device next has it closed once more, and lets go of it then.
      this.log.debug({ err: error, user, device }, 'device not released');
    });
  }

  /** One of this node lets go at its own farewell. */
  private replace(connectionId: string, winner: Session): void {
    const here = this.sessions.find(connectionId);
    if (here) return here.close(CloseCode.replaced);
    if (this.sessions.serialOf(connectionId) >= 0) return this.letGo(winner, connectionId);
    if (this.replaced.push({ connectionId, winner }) === 1) setImmediate(() => this.sendReplaced());
  }

  private sendReplaced(): void {
    const all = this.replaced;
    this.replaced = [];
    for (let at = 0; at < all.length; at += atOnce) void this.insist(all.slice(at, at + atOnce));
  }

  /** Asks until they are closed or their node is dead, or the winner is gone and they may stay. */
  private async insist(replaced: readonly Replaced[], attempt = 1): Promise<void> {
    const wanted = replaced.filter(({ winner }) => !isGone(winner));
    if (wanted.length === 0) return;
    let open = new Set(wanted.map(({ connectionId }) => connectionId));
    try {
      open = new Set(await this.logic.replaced([...open]));
    } catch (error) {
      this.log.warn({ err: error, connections: open.size, attempt }, 'replaced connections not closed yet');
    }
    for (const { connectionId, winner } of wanted) if (!open.has(connectionId)) this.letGo(winner, connectionId);
    if (open.size === 0) return;
    const left = wanted.filter(({ connectionId }) => open.has(connectionId));
    this.clock.after(backoffMs(attempt), () => void this.insist(left, attempt + 1));
  }
}

const isGone = (session: Session): boolean => session.state === 'closed';
