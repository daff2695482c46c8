import { channelKey, type Channel } from '@app/protocol';
import type { AppendRecord } from '../history-store.js';
import { packTail } from './packed-entry.js';

/** What a batch of records brings one channel, as arguments of its script call. */
class ChannelBatch {
  readonly args: (string | Buffer)[] = [];
  private readonly listeners: ((prev: number) => void)[] = [];

  constructor(
    readonly app: string,
    readonly channel: Channel,
  ) {}

  add(record: AppendRecord, tail: Buffer, onPrev: (prev: number) => void): void {
    // The script separates what it remembers by `;` and `=`.
    const key = encodeURIComponent(`${record.id}:${record.part}`);
    this.args.push(String(record.offset), key, tail);
    this.listeners.push(onPrev);
  }

  answer(prevs: readonly number[]): void {
    for (const [i, onPrev] of this.listeners.entries()) onPrev(prevs[i]!);
  }
}

/** In place of what an entry holds: it goes by, and its offset is remembered. */
const notKept = Buffer.alloc(0);

/** A batch of records, channel by channel, in order of first mention. */
export class ChannelBatches {
  private readonly byKey = new Map<string, ChannelBatch>();
  /** The targets of one record mostly have no devices: packed once for all of them. */
  private last: { record: AppendRecord; tail: Buffer } | undefined;

  /** Of all that is to be retained; -1 of nothing. */
  lastOffset = -1;

  get size(): number {
    return this.byKey.size;
  }

  add(record: AppendRecord, channel: Channel, devices: readonly string[], onPrev: (prev: number) => void): void {
    const key = channelKey(record.app, channel);
    const batch = this.byKey.get(key) ?? new ChannelBatch(record.app, channel);
    this.byKey.set(key, batch);
    if (record.retain) this.lastOffset = Math.max(this.lastOffset, record.offset);
    batch.add(record, record.retain ? this.tailOf(record, devices) : notKept, onPrev);
  }

  [Symbol.iterator](): Iterator<ChannelBatch> {
    return this.byKey.values();
  }

  private tailOf(record: AppendRecord, devices: readonly string[]): Buffer {
    if (devices.length > 0) return packTail(record.expiresAtMs, devices, record.body);
    if (this.last?.record !== record) {
      this.last = { record, tail: packTail(record.expiresAtMs, [], record.body) };
    }
    return this.last.tail;
  }
}
