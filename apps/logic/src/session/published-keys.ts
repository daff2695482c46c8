import { createLocalJWKSet, errors, type FlattenedJWSInput, type JWSHeaderParameters } from 'jose';
import { CodedError } from '@app/protocol';
import type { Clock, Log, Metrics } from '@app/runtime';
import { boundedText } from './bounded-text.js';

export interface KeysSettings {
  url: string;
  /** Keys are read again when they are older. */
  maxAgeMs: number;
  /** They are read again at most so often, whatever tokens name. */
  coolDownMs: number;
}

type LocalKeys = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<LocalKeys>>;

/** Less than a gateway waits for an admission. */
const timeoutMs = 3_000;
const maxBytes = 1024 * 1024;

/**
 * Keys that an issuer publishes as a JWK Set (RFC 7517 §5): read when first needed, when they are old, and when a token
 * names one that is not there. While the issuer does not answer the keys that are known go on working, however old. A token
 * is refused for an unknown key only when the keys were read after it came; until then nobody can say.
 */
export class PublishedKeys {
  private known: LocalKeys | undefined;
  private readAtMs = -Infinity;
  private triedAtMs = -Infinity;
  private reading: Promise<void> | undefined;
  private trouble: string | undefined;
  private readonly reads;

  constructor(
    private readonly settings: KeysSettings,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
    private readonly fetched: typeof fetch = fetch,
  ) {
    this.reads = metrics.counter('skylark_jwks_reads_total', "Readings of the token issuer's keys, by outcome", [
      'outcome',
    ]);
  }

  /** For `jwtVerify`. @throws CodedError auth_unavailable, and what jose throws for a token that no key is for */
  readonly get = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Key> => {
    const cameAtMs = this.clock.monotonic();
    if (cameAtMs - this.readAtMs >= this.settings.maxAgeMs) await this.read();
    if (this.known) {
      try {
        return await this.known(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        if (this.readAtMs < cameAtMs) await this.read();
        if (this.readAtMs >= cameAtMs) return this.known(header, token);
      }
    }
    const why = this.trouble ?? 'they were read a moment ago';
    throw new CodedError(
      'auth_unavailable',
      `the key of this token is not known, and the issuer's keys cannot be read now (${why}); try again`,
    );
  };

  /** Undefined when keys are there and new enough, else what is wrong. */
  problem(): string | undefined {
    return this.trouble === undefined ? undefined : `keys of the token issuer: ${this.trouble}`;
  }

  /** Never rejects. Does nothing when it was tried a moment ago; joins the reading that is under way. */
  private read(): Promise<void> {
    if (this.reading) return this.reading;
    if (this.clock.monotonic() - this.triedAtMs < this.settings.coolDownMs) return Promise.resolve();
    this.triedAtMs = this.clock.monotonic();
    this.reading = this.load(this.triedAtMs).finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async load(beganAtMs: number): Promise<void> {
    try {
      this.known = createLocalJWKSet(JSON.parse(await this.text()) as Parameters<typeof createLocalJWKSet>[0]);
      this.readAtMs = beganAtMs;
      if (this.trouble !== undefined) this.log.info({}, 'the keys of the token issuer are read again');
      this.trouble = undefined;
      this.reads.inc({ outcome: 'read' });
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
      this.reads.inc({ outcome: 'failed' });
      const goOn = this.known ? 'going on with those that are known' : 'nobody is let in with a token';
      this.log.warn({ err: error }, `the keys of the token issuer cannot be read, ${goOn}`);
    }
  }

  private async text(): Promise<string> {
    // A redirect would let whoever can redirect name the keys.
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { accept: 'application/jwk-set+json, application/json' };
    const response = await this.fetched(this.settings.url, { redirect: 'manual', signal, headers });
    return boundedText(response, maxBytes);
  }
}
