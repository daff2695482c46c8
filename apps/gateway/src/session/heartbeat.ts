import { CloseCode } from '@app/protocol';
import type { Clock } from '@app/runtime';
import type { Session } from './session.js';
import { TimerWheel } from './timer-wheel.js';

/** Milliseconds that a connection without a token has to send one (107). */
export const tokenWaitMs = 5_000;

/** Ends what is silent too long (4408), whose token has ended (4401) and who never sent one (4401). */
export class Heartbeat {
  private readonly wheel: TimerWheel<Session>;
  /** What clients sent before may still be unread: nobody's silence is older. */
  private readingSinceMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    /** Its token will end soon. */
    private readonly warn: (session: Session) => void = () => {},
  ) {
    const due = (session: Session, nowMs: number) => this.due(session, nowMs);
    this.wheel = new TimerWheel<Session>(clock, due, undefined, undefined, (nowMs) => (this.readingSinceMs = nowMs));
  }

  /** From now on until the session ends. */
  watch(session: Session): void {
    this.seen(session);
    session.connectedAtS = Math.floor(this.clock.now() / 1_000);
    this.wheel.add(session, this.deadline(session));
  }

  /** A frame came: any proves life. Answers when that was, by {@link now}. */
  seen(session: Session): number {
    session.seenAtMs = Math.floor(this.clock.monotonic());
    return session.seenAtMs;
  }

  /** Milliseconds of a clock that never goes back. */
  now(): number {
    return this.clock.monotonic();
  }

  stop(): void {
    this.wheel.stop();
  }

  private due(session: Session, nowMs: number): number {
    if (!session.connection.isOpen) return 0;
    const deadline = this.deadline(session);
    if (nowMs < deadline) return deadline;
    if (isToBeWarned(session, this.clock.now())) {
      // The welcome is the first frame always.
      if (session.state !== 'live') return nowMs + 1;
      session.warnBeforeMs = 0;
      this.warn(session);
      return this.deadline(session);
    }
    if (session.state === 'waiting') session.close(CloseCode.unauthenticated, 'no token came');
    else if (hasExpired(session, this.clock.now())) session.close(CloseCode.unauthenticated, 'the token has ended');
    else session.close(CloseCode.heartbeatTimeout);
    return 0;
  }

  private deadline(session: Session): number {
    const silentSinceMs = Math.max(session.seenAtMs, this.readingSinceMs);
    if (session.state === 'waiting') return silentSinceMs + tokenWaitMs;
    const silence = silentSinceMs + this.timeoutMs;
    if (session.expiresAtMs === 0) return silence;
    const nextMs = session.expiresAtMs - session.warnBeforeMs;
    return Math.min(silence, this.clock.monotonic() + nextMs - this.clock.now());
  }
}

/** Who has expired meanwhile is past a warning, and who is silent too long past everything. */
const isToBeWarned = (session: Session, nowMs: number) =>
  session.warnBeforeMs !== 0 && session.expiresAtMs - session.warnBeforeMs <= nowMs && !hasExpired(session, nowMs);

const hasExpired = (session: Session, nowMs: number) => session.expiresAtMs !== 0 && session.expiresAtMs <= nowMs;
