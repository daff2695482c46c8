import type { Clock, Metrics } from '@app/runtime';
import {
  IdempotencyStore,
  type IdempotencyLimits,
  type KeyEnd,
  type KeyFound,
  type KeyUse,
} from '../idempotency-store.js';

interface Held {
  hash: string;
  begunAtMs: number;
  /** The stamp until the end, then the answer. */
  text: string;
  isDone: boolean;
  forgetAtMs: number;
  bytes: number;
}

/** A Map's entry with its object and the headers of its strings, measured on Node 20. */
const overheadBytes = 300;

/** Keys in the memory of this process. Over `maxBytes` the oldest are forgotten before their time, and counted. */
export class MemoryIdempotencyStore extends IdempotencyStore {
  /** Oldest first, as all live equally long. */
  private readonly keys = new Map<string, Held>();
  private bytes = 0;
  private readonly evicted;

  constructor(
    private readonly limits: IdempotencyLimits & { maxBytes: number },
    private readonly clock: Clock,
    metrics?: Metrics,
  ) {
    super();
    this.evicted = metrics?.counter(
      'skylark_idempotency_evicted_total',
      'Idempotency keys forgotten before their time, for want of memory',
    );
  }

  get size(): number {
    return this.keys.size;
  }

  begin(uses: readonly KeyUse[]): Promise<KeyFound[]> {
    return Promise.resolve(uses.map((use) => this.find(use)));
  }

  end(ends: readonly KeyEnd[]): Promise<string[]> {
    return Promise.resolve(ends.map((end) => this.note(end)));
  }

  close(): Promise<void> {
    this.keys.clear();
    this.bytes = 0;
    return Promise.resolve();
  }

  private find({ id, hash, stamp }: KeyUse): KeyFound {
    const now = this.clock.monotonic();
    this.forgetUntil(now);
    const held = this.keys.get(id);
    if (held && held.hash !== hash) return { state: 'conflict' };
    if (held?.isDone) return { state: 'done', answer: held.text };
    if (held && now - held.begunAtMs < this.limits.pendingMs) return { state: 'pending', stamp: held.text };
    this.hold(id, { hash, text: stamp, begunAtMs: now, isDone: false });
    return { state: 'begun' };
  }

  private note({ id, hash, answer }: KeyEnd): string {
    const now = this.clock.monotonic();
    this.forgetUntil(now);
    const held = this.keys.get(id);
    if (held && held.hash !== hash) return answer;
    if (held?.isDone) return held.text;
    this.hold(id, { hash, text: answer, begunAtMs: now, isDone: true });
    return answer;
  }

  private hold(id: string, held: Omit<Held, 'bytes' | 'forgetAtMs'>): void {
    this.forget(id);
    const bytes = overheadBytes + 2 * (id.length + held.hash.length + held.text.length);
    this.keys.set(id, { ...held, bytes, forgetAtMs: held.begunAtMs + this.limits.ttlMs });
    this.bytes += bytes;
    for (const oldest of this.keys.keys()) {
      if (this.bytes <= this.limits.maxBytes || oldest === id) return;
      this.forget(oldest);
      this.evicted?.inc();
    }
  }

  private forgetUntil(nowMs: number): void {
    for (const [id, { forgetAtMs }] of this.keys) {
      if (forgetAtMs > nowMs) return;
      this.forget(id);
    }
  }

  private forget(id: string): void {
    const held = this.keys.get(id);
    if (held === undefined) return;
    this.bytes -= held.bytes;
    this.keys.delete(id);
  }
}
