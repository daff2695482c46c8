import type { Socket } from 'node:net';
import type { Clock, Log } from '@app/runtime';

/**
 * Connections that have not proved themselves, so many at most: who comes when it is full takes the place of the oldest.
 * One of us proves itself within a few milliseconds, so that a flood of strangers costs strangers their places.
 */
export class Unproven {
  private readonly waiting = new Map<string, Socket>();

  constructor(
    private readonly limit: number,
    private readonly onDropped: (remote: string) => void,
  ) {}

  add(remote: string, socket: Socket): void {
    const [oldest] = this.waiting;
    if (oldest && this.waiting.size >= this.limit) {
      this.waiting.delete(oldest[0]);
      this.onDropped(oldest[0]);
      oldest[1].destroy();
    }
    this.waiting.set(remote, socket);
    socket.once('close', () => {
      if (this.waiting.get(remote) === socket) this.waiting.delete(remote);
    });
  }

  proved(remote: string): void {
    this.waiting.delete(remote);
  }
}

/** Warns of what was refused once a second at most: whoever floods the port does not flood the log. */
export class RefusalLog {
  private lastMs = -Infinity;
  private unsaid = 0;

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  tell(refusal: { reason: string; detail: string; remote: string }): void {
    const now = this.clock.now();
    if (now - this.lastMs < 1_000) {
      this.unsaid += 1;
      return;
    }
    this.log.warn({ ...refusal, unsaid: this.unsaid }, 'rpc connection refused');
    this.lastMs = now;
    this.unsaid = 0;
  }
}
