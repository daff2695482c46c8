import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '@app/runtime';
import { digestOf, type ApiKey } from './api-key.js';

/** The keys that open REST now. Without any lock (`undefined`) it is open to everybody. */
export class KeyRing {
  private fromFile: readonly ApiKey[] = [];

  constructor(
    private readonly fromSettings: readonly ApiKey[],
    private readonly hasFile: boolean,
    private readonly clock: Clock,
  ) {}

  /** Whether a key must be shown; also when all were taken away. */
  get isLocked(): boolean {
    return this.hasFile || this.fromSettings.length > 0;
  }

  get size(): number {
    return this.fromSettings.length + this.fromFile.length;
  }

  /** Puts these in the place of those that the file had before. */
  replace(keys: readonly ApiKey[]): void {
    this.fromFile = keys;
  }

  /** Takes the same time whichever key it is, and whether it is one. */
  find(shown: string): ApiKey | 'unknown' | 'expired' {
    const digest = digestOf(shown);
    let found: ApiKey | undefined;
    for (const keys of [this.fromFile, this.fromSettings]) {
      for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
    }
    if (found === undefined) return 'unknown';
    return found.expiresAtMs <= this.clock.now() ? 'expired' : found;
  }
}
