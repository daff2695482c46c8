import type { Clock, Log, Timer } from '@app/runtime';
import { parseRevocationKey, revocationKey, tokenKey, userKey } from './revocation-key.js';
import type { Revocation, RevocationList } from './revocation-list.js';

/** A token as far as it can be revoked. */
export interface TokenSeen {
  app: string;
  user: string | undefined;
  /** `jti`. */
  id: string | undefined;
  /** `iat`; 0 when it does not say. */
  issuedAtMs: number;
}

const pollMs = 250;
const pageSize = 1_000;
const forgetEveryMs = 60_000;

/**
 * A process's own copy of the {@link RevocationList}, read several times a second: whatever it missed, also while it stood
 * still or the registry was away, it learns with the next reading. What it has learned it keeps, even from a registry that
 * lost it.
 */
export class RevokedTokens {
  private readonly ends = new Map<string, number>();
  private readonly befores = new Map<string, number>();
  private last = 0;
  private polling: Timer | undefined;
  private forgetting: Timer | undefined;
  private reading: Promise<void> | undefined;
  private trouble: string | undefined = 'revoked tokens: not read yet';
  private wasRead = false;

  /** `learned`: these are new here. */
  constructor(
    private readonly list: RevocationList,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly learned: (revocations: readonly Revocation[]) => void = () => {},
  ) {}

  /** Begins to follow; resolves after the first reading, or try. */
  async start(): Promise<void> {
    this.polling = this.clock.every(pollMs, () => void this.follow());
    this.forgetting = this.clock.every(forgetEveryMs, () => this.forget());
    await this.follow();
  }

  stop(): void {
    this.polling?.stop();
    this.forgetting?.stop();
  }

  /** How many are known. */
  get size(): number {
    return this.ends.size;
  }

  /** The list was read once: what stands in it now is learned within a moment. */
  get isKnown(): boolean {
    return this.wasRead;
  }

  /** Undefined while the list is read, else what is wrong. */
  problem(): string | undefined {
    return this.trouble;
  }

  has({ app, user, id, issuedAtMs }: TokenSeen): boolean {
    if (this.ends.size === 0) return false;
    if (id !== undefined && this.stands(tokenKey(app, id))) return true;
    if (user === undefined) return false;
    const key = userKey(app, user);
    return this.stands(key) && issuedAtMs <= this.befores.get(key)!;
  }

  /** Reads what is new; one reading at a time. Never rejects. */
  follow(): Promise<void> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async read(): Promise<void> {
    try {
      for (let more = true; more;) {
        const page = await this.list.read(this.last, pageSize);
        for (const revocation of page.revocations) this.keep(revocation);
        ({ last: this.last, more } = page);
        if (page.revocations.length > 0) this.learned(page.revocations);
      }
      if (this.trouble !== undefined) this.log.info({ revoked: this.size }, 'the list of revoked tokens is followed');
      this.trouble = undefined;
      this.wasRead = true;
    } catch (error) {
      const isNew = this.trouble === undefined;
      this.trouble = `revoked tokens: ${error instanceof Error ? error.message : String(error)}`;
      if (isNew) this.log.warn({ err: error }, 'the list of revoked tokens cannot be read, trying again');
    }
  }

  private keep(revocation: Revocation): void {
    const key = revocationKey(revocation);
    this.ends.set(key, revocation.untilMs);
    if (revocation.kind === 'user') this.befores.set(key, revocation.beforeMs);
  }

  private stands(key: string): boolean {
    return (this.ends.get(key) ?? 0) > this.clock.now();
  }

  private forget(): void {
    for (const key of this.ends.keys()) {
      if (this.stands(key)) continue;
      this.ends.delete(key);
      if (parseRevocationKey(key).kind === 'user') this.befores.delete(key);
    }
  }
}
