import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { plainAddress } from '@app/runtime';
import type { Connection } from '../session/connection.js';
import type { Frame } from '../session/frame.js';
import type { Session } from '../session/session.js';
import type { Place } from './newcomers.js';

/** Bytes that the reason of a close frame may have (RFC 6455 §5.5: 125 less the code). */
const maxReasonBytes = 123;

/**
 * A client's socket, which is also the session's connection: one object less per client.
 *
 * Frames are written to the raw socket, past the sender of `ws`. That holds as long as nothing of `ws` is left half
 * written: no compression, whole FIN frames only, only while OPEN; client-server.spec.ts pins it.
 */
export class ClientSocket extends WebSocket implements Connection {
  session: Session | null = null;
  /** The first close code that was sent, by us or in answer; 0 = none. */
  sentCode = 0;
  /** To be given back when it is gone. */
  place: Place = null;
  private raw: Socket | null = null;
  /** Whom a trusted proxy speaks for; null for a peer that speaks for itself, whose socket knows the address. */
  private client: string | null = null;

  /** The raw socket is that of the upgrade request; `remoteAddress` is who asked for it. */
  attach(raw: Socket, remoteAddress: string): this {
    this.raw = raw;
    if (remoteAddress !== plainAddress(raw.remoteAddress)) this.client = remoteAddress;
    return this;
  }

  get remoteAddress(): string {
    return this.client ?? plainAddress(this.raw?.remoteAddress);
  }

  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN;
  }

  get writableLength(): number {
    return this.raw?.writableLength ?? 0;
  }

  write(frames: Frame): void {
    if (this.readyState === WebSocket.OPEN) this.raw?.write(frames);
  }

  /** Called by `ws` too, when it answers a close or finds a broken frame. */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.sentCode === 0 && code !== undefined) this.sentCode = code;
    super.close(code, cut(reason));
  }

  /** Called by `ws` for a ping frame, which proves life like any other; a listener more would cost 290 bytes a client. */
  override pong(data?: unknown, mask?: boolean, callback?: (error: Error) => void): void {
    this.onAlive();
    super.pong(data, mask, callback);
  }

  /** A ping came and is about to be answered, unless the client is closed now. */
  protected onAlive(): void {}
}

/** `ws` throws at a longer one. */
function cut(reason: string | Buffer | undefined): string | Buffer | undefined {
  if (reason === undefined || Buffer.byteLength(reason) <= maxReasonBytes) return reason;
  const bytes = Buffer.from(reason).subarray(0, maxReasonBytes);
  // `stream` leaves out a last character that was cut through.
  return new TextDecoder().decode(bytes, { stream: true });
}
