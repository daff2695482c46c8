import type { Connection } from './connection.js';
import type { Frame } from './frame.js';

/** A connection for specs: it keeps what was written and how it was closed, and takes nothing while it is told to be slow. */
export class FakeConnection implements Connection {
  readonly remoteAddress = '192.0.2.1';
  readonly writes: Frame[] = [];
  isOpen = true;
  isSlow = false;
  writableLength = 0;
  ended: { code: number; reason: string } | 'terminated' | undefined;

  write(frames: Frame): void {
    if (!this.isOpen) throw new Error('written while not open');
    this.writes.push(frames);
    if (this.isSlow) this.writableLength += frames.length;
  }

  close(code: number, reason: string): void {
    this.isOpen = false;
    this.ended ??= { code, reason };
  }

  terminate(): void {
    this.isOpen = false;
    this.ended ??= 'terminated';
  }

  /** The payloads of all frames written, short ones (under 64 KiB) only. */
  get texts(): string[] {
    const bytes = Buffer.concat(this.writes);
    const texts: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const isShort = bytes[at + 1]! < 126;
      const length = isShort ? bytes[at + 1]! : bytes.readUInt16BE(at + 2);
      const from = at + (isShort ? 2 : 4);
      texts.push(bytes.toString('utf8', from, from + length));
      at = from + length;
    }
    return texts;
  }

  get packets(): unknown[] {
    return this.texts.map((text) => JSON.parse(text) as unknown);
  }
}
