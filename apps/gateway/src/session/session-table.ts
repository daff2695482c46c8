import { formatConnectionId, parseConnectionId } from '@app/protocol';
import type { Connection } from './connection.js';
import { Session } from './session.js';

const slots = 2 ** 20;

/**
 * The sessions of this incarnation by slot. A serial is `use × 2^20 + slot`, so that a connection id finds its session
 * without a map, and an id of a slot's earlier tenant finds nothing.
 */
export class SessionTable {
  private readonly bySlot: (Session | null)[] = [];
  private readonly free: number[] = [];
  private uses = 0;
  private count = 0;
  private idPrefix = '';
  private emptied: (() => void)[] = [];

  /** The life of the node that the ids of all sessions from now on are made of. */
  identify(node: string, incarnation: number): void {
    this.idPrefix = formatConnectionId({ node, incarnation, serial: 0 }).slice(0, -1);
  }

  get size(): number {
    return this.count;
  }

  add(connection: Connection): Session {
    const slot = this.free.pop() ?? this.bySlot.length;
    this.uses += 1;
    const session = new Session(this.uses * slots + slot, connection);
    this.bySlot[slot] = session;
    this.count += 1;
    return session;
  }

  remove(session: Session): void {
    const slot = session.serial % slots;
    if (this.bySlot[slot] !== session) return;
    this.bySlot[slot] = null;
    this.free.push(slot);
    this.count -= 1;
    if (this.count > 0) return;
    for (const resolve of this.emptied.splice(0)) resolve();
  }

  /** Resolves when the last session is gone. */
  whenEmpty(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  connectionIdOf(session: Session): string {
    return this.idPrefix + session.serial.toString(36);
  }

  /** Undefined for ids of other nodes and lives, of connections that are gone, and for what is no id. */
  find(connectionId: string): Session | undefined {
    const serial = this.serialOf(connectionId);
    const session = this.bySlot[serial % slots];
    return session?.serial === serial ? session : undefined;
  }

  /** The serial in an id of this life of the node, whether or not its session is still here; -1 in any other. */
  serialOf(connectionId: string): number {
    if (!connectionId.startsWith(this.idPrefix)) return -1;
    return parseConnectionId(connectionId)?.serial ?? -1;
  }

  *[Symbol.iterator](): Generator<Session> {
    for (const session of this.bySlot) if (session) yield session;
  }
}
