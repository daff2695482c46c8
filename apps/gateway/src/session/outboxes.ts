import { CloseCode, type CloseReason } from '@app/protocol';
import type { Metrics } from '@app/runtime';
import type { Frame } from './frame.js';
import type { Session } from './session.js';

/** What became of a frame. `full`: the client is closed as slow; nothing ever waits for it. */
export type Pushed = 'queued' | 'full' | 'closed';

/**
 * The frames that a tick brings, written once at its end: one write per socket. Sessions of a room wait with the same
 * frames, so what was joined for one is written to the next.
 */
export class Outboxes {
  private waiting: Session[] = [];
  private flushed: (() => void)[] = [];
  private isScheduled = false;
  private writesDone = 0;
  private bytesDone = 0;
  private messagesMeant = 0;
  private messagesWritten = 0;
  private joinedOf: Frame[] = [];
  private joined: Frame = Buffer.alloc(0);
  private readonly slow;
  private readonly gone;
  private readonly writes;
  private readonly bytes;
  private readonly targeted;
  private readonly written;

  constructor(
    private readonly maxBytes: number,
    metrics: Metrics,
  ) {
    this.slow = metrics.dropped.labels('outbox', 'slow_consumer');
    this.gone = metrics.dropped.labels('outbox', 'closed');
    this.writes = metrics.counter('skylark_gateway_writes_total', 'Socket writes');
    this.bytes = metrics.counter('skylark_gateway_written_bytes_total', 'Bytes written to clients');
    this.targeted = metrics.counter('skylark_gateway_targeted_total', 'Pushed messages, once for each session meant');
    this.written = metrics.counter('skylark_gateway_written_total', 'Pushed messages written to clients');
  }

  /**
   * The ledger's one side: so many pushed messages are meant for sessions here, each session counted. The other side is what
   * was written and what was dropped on the way (stages `replay` and `outbox`).
   */
  meant(messages: number): void {
    this.messagesMeant += messages;
    this.schedule();
  }

  /**
   * Counts bytes, not frames: one large message can hurt as much as a thousand small ones.
   * @param messages how many pushed messages `frame` holds, joined; what the protocol itself says is none.
   */
  push(session: Session, frame: Frame, messages = 0): Pushed {
    if (session.state === 'closed' || !session.connection.isOpen) {
      this.gone.inc(messages);
      return 'closed';
    }
    // Too much for one tick is no sign of a slow client: only what the kernel does not take is.
    if (session.pendingBytes + frame.length > this.maxBytes) this.flushOne(session);
    if (session.connection.writableLength + session.pendingBytes + frame.length > this.maxBytes) {
      this.slow.inc(messages);
      session.close(CloseCode.slow);
      return 'full';
    }
    session.pendingBytes += frame.length;
    session.pendingMessages += messages;
    if (session.pending === null) {
      session.pending = frame;
      if (this.waiting.push(session) === 1) this.schedule();
    } else if (Array.isArray(session.pending)) {
      session.pending.push(frame);
    } else {
      session.pending = [session.pending, frame];
    }
    return 'queued';
  }

  /** Resolves after the tick's flush: what was pushed before is with the kernel, or its client is gone. */
  afterFlush(): Promise<void> {
    return new Promise((resolve) => {
      this.flushed.push(resolve);
      this.schedule();
    });
  }

  /** Writes what waits for one session now: before a close frame. */
  flushOne(session: Session): void {
    const { pending } = session;
    if (pending === null) return;
    if (!session.connection.isOpen) return this.drop(session);
    this.messagesWritten += session.pendingMessages;
    session.pending = null;
    session.pendingBytes = 0;
    session.pendingMessages = 0;
    const frames = Array.isArray(pending) ? this.join(pending) : pending;
    session.connection.write(frames);
    this.writesDone += 1;
    this.bytesDone += frames.length;
  }

  /** Lets go of what waits for a session that is gone, and counts it. */
  drop(session: Session): void {
    this.gone.inc(session.pendingMessages + (session.held?.drop() ?? 0));
    session.pending = null;
    session.pendingBytes = 0;
    session.pendingMessages = 0;
  }

  /** Closes a session after what waits for it was written. */
  close(session: Session, reason: CloseReason, text?: string): void {
    this.flushOne(session);
    session.close(reason, text);
  }

  flush(): void {
    this.isScheduled = false;
    const sessions = this.waiting;
    const resolvers = this.flushed;
    this.waiting = [];
    this.flushed = [];
    for (const session of sessions) this.flushOne(session);
    this.joinedOf = [];
    this.count();
    for (const resolve of resolvers) resolve();
  }

  /** Counted once a tick: a counter's `inc` costs as much as a short write loop's step. */
  private count(): void {
    this.writes.inc(this.writesDone);
    this.bytes.inc(this.bytesDone);
    this.targeted.inc(this.messagesMeant);
    this.written.inc(this.messagesWritten);
    this.writesDone = 0;
    this.bytesDone = 0;
    this.messagesMeant = 0;
    this.messagesWritten = 0;
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.flush());
  }

  private join(frames: Frame[]): Frame {
    const known = this.joinedOf;
    if (known.length === frames.length && frames.every((frame, i) => frame === known[i])) return this.joined;
    this.joinedOf = frames;
    this.joined = Buffer.concat(frames);
    return this.joined;
  }
}
