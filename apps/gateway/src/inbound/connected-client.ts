import { CloseCode, encodePacket, isPacketType, isReservedType, type Labels } from '@app/protocol';
import { textFrame } from '../session/frame.js';
import type { Outboxes, Pushed } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { SessionTable } from '../session/session-table.js';

/**
 * A client as `@ConnectedSocket()` and guards (`context.switchToWs().getClient()`) get it: one object for as long as the
 * connection lasts.
 */
export class ConnectedClient {
  constructor(
    private readonly session: Session,
    private readonly sessions: SessionTable,
    private readonly outboxes: Outboxes,
  ) {}

  /** As REST takes it in `connections[]`. */
  get connectionId(): string {
    return this.sessions.connectionIdOf(this.session);
  }

  get app(): string {
    return this.session.app;
  }

  /** Undefined for an anonymous connection. */
  get user(): string | undefined {
    return this.session.user;
  }

  get device(): string | undefined {
    return this.session.device;
  }

  get labels(): Labels {
    return this.session.labels ?? {};
  }

  get remoteAddress(): string {
    return this.session.connection.remoteAddress;
  }

  get isOpen(): boolean {
    return this.session.state !== 'closed' && this.session.connection.isOpen;
  }

  /**
   * Sends a packet of the application to this client only. It is not kept for when the client is away: pushes are.
   * @throws Error for types that are no int or belong to the protocol.
   */
  send(type: number, data: unknown): Pushed {
    if (!isPacketType(type) || isReservedType(type)) throw new Error(`${type} is no packet type of the application`);
    return this.outboxes.push(this.session, textFrame(encodePacket(type, data ?? null)));
  }

  /** Closes with 4403: the client does not come back by itself. */
  close(reason: string = CloseCode.kicked.reason): void {
    this.outboxes.close(this.session, CloseCode.kicked, reason);
  }

  /** Nest's own exception filter emits here what failed; clients hear of it as the error of their request. */
  emit(): void {}
}
