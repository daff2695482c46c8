import { CloseCode } from '@app/protocol';
import type { Metrics } from '@app/runtime';
import type { Session } from './session.js';

/** A second's worth; 0 = no limit. */
export interface FrameRates {
  maxFramesPerSecond: number;
  maxBytesPerSecond: number;
  maxJoinsPerSecond: number;
  maxMessageBytes: number;
  maxRooms: number;
}

/** Seconds' worth that may come at once, and after which a client that was cut may come back. */
export const burstSeconds = 10;

/**
 * How much a client may send: a bucket each for frames, bytes and joins, which a second empties by its rate. Small integers on
 * the session and no timer, because every frame passes here. Who fills a bucket is closed 4429.
 */
export class FrameLimits {
  private readonly frames;
  private readonly bytes;
  private readonly joins;
  private readonly limited;

  constructor(rates: FrameRates, metrics: Metrics) {
    this.frames = bucketOf(rates.maxFramesPerSecond);
    this.bytes = bucketOf(rates.maxBytesPerSecond, 2 * rates.maxMessageBytes);
    // To join all the rooms that one may be in is no flood.
    this.joins = bucketOf(rates.maxJoinsPerSecond, rates.maxRooms);
    this.limited = metrics.limited;
  }

  /** Whether a frame of so many bytes is within the limits; if not, its client is being closed. */
  takesFrame(session: Session, bytes: number, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second !== session.meteredAtS) this.empty(session, second);
    session.frameLevel += 1;
    session.byteLevel += bytes;
    if (session.frameLevel > this.frames.size) return this.cut(session, 'frames');
    if (session.byteLevel > this.bytes.size) return this.cut(session, 'bytes');
    return true;
  }

  /** The same of a join, whose frame was taken. */
  takesJoin(session: Session): boolean {
    session.joinLevel += 1;
    return session.joinLevel <= this.joins.size || this.cut(session, 'joins');
  }

  private empty(session: Session, second: number): void {
    const seconds = Math.max(0, second - session.meteredAtS);
    session.meteredAtS = second;
    session.frameLevel = Math.max(0, session.frameLevel - seconds * this.frames.rate);
    session.byteLevel = Math.max(0, session.byteLevel - seconds * this.bytes.rate);
    session.joinLevel = Math.max(0, session.joinLevel - seconds * this.joins.rate);
  }

  private cut(session: Session, limit: 'frames' | 'bytes' | 'joins'): false {
    // A client may go on sending until it has read that it is cut.
    if (session.connection.isOpen) this.limited.inc({ limit });
    session.close(CloseCode.rateLimited, backOff(`too many ${limit}`, burstSeconds));
    return false;
  }
}

/** The reason of a 4429: what was too much, and when to come back. */
export const backOff = (what: string, seconds: number): string => `${what}; retry after ${seconds} s`;

/** Without a limit a second empties whatever there is. */
function bucketOf(rate: number, atLeast = 0): { rate: number; size: number } {
  if (rate === 0) return { rate: Number.MAX_SAFE_INTEGER, size: Infinity };
  return { rate, size: Math.max(rate * burstSeconds, atLeast) };
}
