import type { Clock } from '@app/runtime';
import { RevocationList, type Revocation, type RevocationPage } from '../revocation-list.js';
import { revocationKey } from '../revocation-key.js';

export class MemoryRevocationList extends RevocationList {
  /** In the order of their places. */
  private readonly held = new Map<string, { place: number; revocation: Revocation }>();
  private last = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  add(revocation: Revocation): Promise<void> {
    for (const [key, { revocation: old }] of this.held) if (old.untilMs <= this.clock.now()) this.held.delete(key);
    const key = revocationKey(revocation);
    const before = this.held.get(key)?.revocation;
    const untilMs = Math.max(revocation.untilMs, before?.untilMs ?? 0);
    const merged =
      revocation.kind === 'user' && before?.kind === 'user'
        ? { ...revocation, untilMs, beforeMs: Math.max(revocation.beforeMs, before.beforeMs) }
        : { ...revocation, untilMs };
    this.held.delete(key);
    this.held.set(key, { place: (this.last += 1), revocation: merged });
    return Promise.resolve();
  }

  read(last: number, limit: number): Promise<RevocationPage> {
    const later = [...this.held.values()].filter(({ place }) => place > last);
    const page = later.slice(0, limit);
    const now = this.clock.now();
    return Promise.resolve({
      revocations: page.flatMap(({ revocation }) => (revocation.untilMs > now ? { ...revocation } : [])),
      last: page.at(-1)?.place ?? last,
      more: later.length > page.length,
    });
  }
}
