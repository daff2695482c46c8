import { connect, type Socket } from 'node:net';

/** Longer than any answer takes, shorter than any limit at which the server would give up by itself. */
const answerMs = 12_000;

/** A TCP connection of which one says what is sent, and learns what came until enough is there or it was closed. */
export class BareSocket {
  private received: Buffer = Buffer.alloc(0);
  private closed = false;
  private look = (): void => {};

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.look();
    });
    socket.on('error', () => {}); // a reset is one way to be closed
    socket.on('close', () => {
      this.closed = true;
      this.look();
    });
  }

  static open(port: number): Promise<BareSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new BareSocket(socket));
      });
    });
  }

  get isClosed(): boolean {
    return this.closed || this.socket.destroyed;
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Says that nothing more will be sent. */
  end(bytes: Buffer | string): void {
    this.socket.end(bytes);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** All that came, up to where `end` says (undefined: not there yet) or the other end closed. @throws when neither comes in time */
  async read(end: (received: Buffer) => number | undefined): Promise<Buffer> {
    const start = Date.now();
    for (;;) {
      const at = end(this.received);
      if (at !== undefined || this.closed) {
        const taken = this.received.subarray(0, at ?? this.received.length);
        this.received = this.received.subarray(taken.length);
        return taken;
      }
      if (Date.now() - start >= answerMs) throw new Error(`neither answered nor closed within ${answerMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, answerMs);
        this.look = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  readAll(): Promise<Buffer> {
    return this.read(() => undefined);
  }
}

/** Where the first HTTP answer ends; undefined when it is not whole. */
export function endOfAnswer(received: Buffer): number | undefined {
  const head = received.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const text = received.toString('latin1', 0, head);
  const body = head + 4;
  if (/^HTTP\/1\.1 (1\d\d|204|304)/.test(text)) return body;
  const length = /^content-length: *(\d+)/im.exec(text)?.[1];
  if (length !== undefined) return received.length >= body + Number(length) ? body + Number(length) : undefined;
  if (!/^transfer-encoding: *chunked/im.test(text)) return undefined;
  const last = received.indexOf('0\r\n\r\n', body);
  return last < 0 ? undefined : last + 5;
}

/** The statuses of all answers in what came. */
export const statusesOf = (received: Buffer): number[] =>
  [...received.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
