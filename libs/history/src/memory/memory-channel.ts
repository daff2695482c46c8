import { notRetainedAfter, type AppendRecord, type HistoryEntry, type HistoryPage } from '../history-store.js';
import { firstKnown } from '@app/protocol/wires';
import { duplicate, heldIds, type ChannelAnswer } from '../retention.js';
import type { ChannelPolicy } from '../channel-policy.js';

interface Held extends HistoryEntry {
  /** The policy's end of it; past that it counts as trimmed. */
  heldUntilMs: number;
  /** The message's own end; past that it is left out, and nobody missed anything. 0 = never. */
  expiresAtMs: number;
}

/** One channel in one epoch: its last entries, and what it remembers of those that are gone. */
export class MemoryChannel {
  top = -1;
  floor = -1;
  /** The highest offset that anybody can have seen here. */
  seen = -1;
  /** The first offset ever seen here: nothing is known of what a client saw before it. */
  private first = -1;
  private entries: Held[] = [];
  private readonly ids = new Map<string, number>();

  constructor(readonly epoch: string) {}

  append(record: AppendRecord, devices: readonly string[], policy: ChannelPolicy, nowMs: number): ChannelAnswer {
    const key = `${record.id}:${record.part}`;
    const known = this.ids.get(key);
    if (known !== undefined && known !== record.offset) return duplicate;
    if (record.offset <= this.top) return this.again(record.offset);
    const { offset, body, expiresAtMs } = record;
    const prev = this.top < 0 ? firstKnown : this.top;
    if (this.first < 0) this.first = offset;
    this.entries.push({ offset, prev, devices, body, expiresAtMs, heldUntilMs: nowMs + policy.ttlMs });
    this.top = offset;
    this.seen = Math.max(this.seen, offset);
    this.ids.set(key, offset);
    if (this.ids.size > heldIds) this.ids.delete(this.ids.keys().next().value!);
    this.trim(nowMs, policy.size);
    return prev;
  }

  /** One that is not retained goes by. */
  pass(offset: number): ChannelAnswer {
    if (this.first < 0) this.first = offset;
    this.seen = Math.max(this.seen, offset);
    return notRetainedAfter(offset > this.top ? this.top : this.before(offset));
  }

  /** The retained one before an offset that others have passed; -1 = none is known. */
  private before(offset: number): number {
    const entry = this.entries.findLast((held) => held.offset < offset);
    if (entry) return entry.offset;
    return this.floor < offset ? this.floor : -1;
  }

  /** Drops what the policy no longer keeps. */
  trim(nowMs: number, size = Infinity): void {
    let gone = Math.max(0, this.entries.length - size);
    while (gone < this.entries.length && this.entries[gone]!.heldUntilMs <= nowMs) gone += 1;
    if (gone === 0) return;
    this.floor = Math.max(this.floor, this.entries[gone - 1]!.offset);
    this.entries = this.entries.slice(gone);
  }

  read(since: { epoch: string; offset: number }, limit: number, nowMs: number): HistoryPage {
    this.trim(nowMs);
    const isSameEpoch = since.epoch === this.epoch;
    const after = this.entries.filter(
      (entry) =>
        (!isSameEpoch || entry.offset > since.offset) && (entry.expiresAtMs === 0 || entry.expiresAtMs > nowMs),
    );
    const entries = after
      .slice(Math.max(0, after.length - limit))
      .map(({ offset, prev, devices, body }) => ({ offset, prev, devices, body }));
    const isKnown = since.offset === -1 || since.offset >= this.first;
    const recovered = isSameEpoch && isKnown && this.floor <= since.offset && entries.length === after.length;
    return { epoch: this.epoch, entries, top: this.top, recovered };
  }

  /** A record at or below the top: the answer it got, or the floor when its entry can no longer say. */
  private again(offset: number): number {
    const entry = this.entries.find((held) => held.offset === offset);
    if (entry) return entry.prev;
    this.floor = Math.max(this.floor, offset);
    return this.floor;
  }
}
