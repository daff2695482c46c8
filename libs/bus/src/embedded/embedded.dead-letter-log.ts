import type { Log, Metrics } from '@app/runtime';
import { BusUnavailableError } from '../bus.js';
import {
  DeadLetterLog,
  maxPageBytes,
  sourceName,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type DeadRecord,
} from '../dead-letter-log.js';

export interface EmbeddedDeadLetterOptions {
  /** What all letters may take; 16 MiB unless told. */
  maxBytes?: number | undefined;
  log: Log;
  metrics: Metrics;
}

/** What a letter costs beside its bytes. */
const LETTER_OVERHEAD_BYTES = 512;

/** Dead records in this process's memory, gone with it: bounded in bytes, the oldest make room and are counted. */
export class EmbeddedDeadLetterLog extends DeadLetterLog {
  /** By source, oldest first. */
  private readonly letters = new Map<string, DeadLetter>();
  private readonly maxBytes: number;
  private bytes = 0;
  private placed = 0;
  private isClosed = false;

  constructor(private readonly options: EmbeddedDeadLetterOptions) {
    super();
    this.maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
  }

  put(record: DeadRecord, signal?: AbortSignal): Promise<void> {
    if (this.isClosed || signal?.aborted) return Promise.reject(new BusUnavailableError('the dead letters are closed'));
    const name = sourceName(record.source);
    if (this.letters.has(name)) return Promise.resolve();
    const isCut = sizeOf(record) > this.maxBytes;
    const value = isCut ? Buffer.alloc(0) : record.value;
    const letter = { ...record, value, isCut, topic: 'embedded', place: this.placed };
    this.placed += 1;
    this.letters.set(name, letter);
    this.bytes += sizeOf(letter);
    this.makeRoom();
    return Promise.resolve();
  }

  list({ reason, sinceMs = 0, after = -1, before = Infinity, limit }: DeadLetterQuery): Promise<DeadLetterPage> {
    const letters: DeadLetter[] = [];
    let bytes = 0;
    for (const letter of this.letters.values()) {
      if (letter.place <= after || letter.place >= before || letter.diedAtMs < sinceMs) continue;
      if (reason !== undefined && letter.reason !== reason) continue;
      bytes += letter.value.length;
      const isFull = letters.length === limit || (letters.length > 0 && bytes > maxPageBytes);
      if (isFull) return Promise.resolve({ letters, next: letters.at(-1)!.place, end: this.placed });
      letters.push(letter);
    }
    return Promise.resolve({ letters, end: this.placed });
  }

  settle(letters: readonly DeadLetter[]): Promise<void> {
    for (const { source } of letters) this.remove(sourceName(source));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  private makeRoom(): void {
    for (const [name, { source, reason }] of this.letters) {
      if (this.bytes <= this.maxBytes || this.letters.size === 1) return;
      this.remove(name);
      this.options.metrics.dropped.inc({ stage: 'dead', reason: 'overflow' });
      this.options.log.warn({ ...source, reason }, 'dead letter lost: those after it needed the room');
    }
  }

  private remove(name: string): void {
    const letter = this.letters.get(name);
    if (letter) this.bytes -= sizeOf(letter);
    this.letters.delete(name);
  }
}

function sizeOf({ key, value, error }: DeadRecord): number {
  return key.length + value.length + error.length + LETTER_OVERHEAD_BYTES;
}
