import { CloseCode, encodePacket, PacketType } from '@app/protocol';
import { pause, type Clock, type Log } from '@app/runtime';
import { textFrame } from './session/frame.js';
import type { Outboxes } from './session/outboxes.js';
import type { SessionTable } from './session/session-table.js';
import type { Session } from './session/session.js';
import type { ClientServer } from './transport/client-server.js';
import type { NodeAgent } from './upstream/node-agent.js';
import type { RoomPresence } from './upstream/room-presence.js';
import type { Registrar } from './upstream/registrar.js';

/** Milliseconds between two groups of goodbyes. */
const groupEveryMs = 100;
/** Milliseconds that clients have to answer their close frame, and the registry to answer us. */
const patienceMs = 2_000;

/**
 * How a whole node leaves: no longer offered to newcomers but still routed to, no new connections, goodbyes in small
 * groups, flush, and out of the registry at zero sessions. With nobody here it is done at once.
 */
export class Drain {
  constructor(
    private readonly clients: Pick<ClientServer, 'drain'>,
    private readonly sessions: SessionTable,
    private readonly outboxes: Outboxes,
    private readonly node: {
      agent: Pick<NodeAgent, 'drain' | 'leave'>;
      registrar: Pick<Registrar, 'settled' | 'close'>;
      presence: Pick<RoomPresence, 'settled'>;
    },
    private readonly drainMs: number,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  async run(): Promise<void> {
    const { agent, registrar, presence } = this.node;
    this.clients.drain();
    this.log.info({ connections: this.sessions.size, drainMs: this.drainMs }, 'draining');
    await atMost(patienceMs, agent.drain());
    await this.sayGoodbye();
    await atMost(patienceMs, this.sessions.whenEmpty());
    for (const session of this.sessions) session.connection.terminate();
    await this.sessions.whenEmpty();
    await this.outboxes.afterFlush();
    await atMost(patienceMs, presence.settled());
    await atMost(patienceMs, registrar.settled());
    registrar.close();
    await atMost(patienceMs, agent.leave());
    this.log.info({}, 'drained');
  }

  /** This node's id is another process's: its clients go at once, because nothing new is routed here. Resolves when they are gone. */
  async part(): Promise<void> {
    this.clients.drain();
    this.log.info({ connections: this.sessions.size }, 'parting');
    for (const session of this.sessions) this.goodbye(session);
    await atMost(patienceMs, this.sessions.whenEmpty());
  }

  /** The groups are as many as fit into the time; who came meanwhile (admitted before) is in the last one. */
  private async sayGoodbye(): Promise<void> {
    const groups = Math.max(1, Math.floor(this.drainMs / groupEveryMs));
    for (let left = groups; this.sessions.size > 0 && left > 0; left -= 1) {
      const size = Math.ceil(this.countOpen() / left);
      let said = 0;
      for (const session of this.sessions) {
        if (said === size) break;
        if (!session.connection.isOpen) continue;
        this.goodbye(session);
        said += 1;
      }
      if (left > 1 && this.countOpen() > 0)
        await new Promise<void>((resolve) => this.clock.after(groupEveryMs, resolve));
    }
  }

  private countOpen(): number {
    let open = 0;
    for (const session of this.sessions) if (session.connection.isOpen) open += 1;
    return open;
  }

  private goodbye(session: Session): void {
    // Before the welcome nothing else may be sent.
    if (session.state === 'live') {
      const reconnectAfterMs = 100 + Math.floor(Math.random() * 2_000);
      const goodbye = encodePacket(PacketType.goodbye, { code: CloseCode.draining.code, reconnectAfterMs });
      this.outboxes.push(session, textFrame(goodbye));
    }
    this.outboxes.close(session, CloseCode.draining);
  }
}

/** Waits, but not for ever: what does not answer while we go is left behind. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, pause(ms, done.signal)]);
  done.abort();
}
