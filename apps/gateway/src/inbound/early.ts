import { CloseCode } from '@app/protocol';
import type { Metrics } from '@app/runtime';
import { backOff } from '../session/frame-limits.js';
import type { Session } from '../session/session.js';

/** Frames and bytes that a client may send before its welcome is out. */
const maxFrames = 64;
const maxBytes = 65_536;
const backOffSeconds = 5;

interface Waiting {
  tasks: (() => void)[];
  bytes: number;
}

/** What clients sent before their welcome, taken in order once it is out. */
export class Early {
  private readonly bySession = new Map<Session, Waiting>();
  private readonly expected = new Set<Session>();

  constructor(private readonly metrics: Metrics) {}

  /** Sessions of which something is kept. */
  get size(): number {
    return this.bySession.size + this.expected.size;
  }

  /** Its token came and is being looked at: what it sends meanwhile is no breach. */
  expect(session: Session): void {
    this.expected.add(session);
  }

  isExpected(session: Session): boolean {
    return this.expected.has(session);
  }

  /** Does `task` at once when the session is live, else after its welcome. Too much of it closes 4429. */
  later(session: Session, bytes: number, task: () => void): void {
    if (session.state === 'live') return task();
    if (session.state === 'closed') return; // nobody would ever come to forget it
    const waiting = this.bySession.get(session) ?? this.begin(session);
    waiting.bytes += bytes;
    if (waiting.tasks.push(task) > maxFrames || waiting.bytes > maxBytes) {
      this.forget(session);
      this.metrics.limited.inc({ limit: 'early' });
      session.close(CloseCode.rateLimited, backOff('too much was sent before the welcome', backOffSeconds));
    }
  }

  /** Nothing is done for it any more. */
  forget(session: Session): void {
    this.bySession.delete(session);
    this.expected.delete(session);
    session.onLive = null;
  }

  private begin(session: Session): Waiting {
    const waiting: Waiting = { tasks: [], bytes: 0 };
    this.bySession.set(session, waiting);
    session.onLive = () => {
      this.forget(session);
      for (const task of waiting.tasks) task();
    };
    return waiting;
  }
}
