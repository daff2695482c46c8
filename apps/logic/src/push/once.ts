import type { IdempotencyStore, KeyFound } from '@app/history';
import { CodedError } from '@app/protocol';
import type { Log } from '@app/runtime';
import type { LogicMetrics } from '../logic.metrics.js';
import { expiryOf, type CheckedPush, type KeyedPush } from './checked-push.js';
import type { Accepted } from './push.dto.js';

/** What becomes of a push before the bus is asked. */
export type Verdict =
  /** It goes to the bus. */
  | { is: 'new' }
  /** It was accepted before; this was the answer. */
  | { is: 'done'; answer: Accepted }
  /** It stands in the same batch twice; the first one's answer is its answer. */
  | { is: 'twin'; of: CheckedPush }
  | { is: 'refused'; error: CodedError };

const isNew: Verdict = { is: 'new' };

const isKeyed = (push: CheckedPush): push is KeyedPush => 'fingerprint' in push;

/** Makes a push with a key take effect once, however often, and at however many nodes, it is asked for. */
export class Once {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly metrics: LogicMetrics,
    private readonly log: Log,
  ) {}

  /**
   * What becomes of each, in the order given; those without a key are new. A repeat of one that is not known to have ended
   * is new too, and made to be the very same message. While the store is away, those with a key are refused.
   */
  async judge(pushes: readonly CheckedPush[]): Promise<Verdict[]> {
    const keyed = pushes.filter(isKeyed);
    if (keyed.length === 0) return pushes.map(() => isNew);
    const found = await this.find(keyed);
    const verdicts = new Map<CheckedPush, Verdict>();
    const begun = new Map<string, CheckedPush>();
    for (const [i, push] of keyed.entries()) {
      const { id } = push.body;
      const verdict = found ? this.verdict(found[i]!, push, begun.get(id)) : refused('idempotency_unavailable', away);
      if (verdict.is === 'new') begun.set(id, push);
      verdicts.set(push, verdict);
    }
    return pushes.map((push) => verdicts.get(push) ?? isNew);
  }

  /**
   * The bus holds these: what each is answered, in the order given. Of two requests with one key both get the answer of
   * the first to end. A store that is away now costs nothing: a repeat will be made the same message, and dropped.
   */
  async end(accepted: readonly (readonly [CheckedPush, Accepted])[]): Promise<Accepted[]> {
    const ends = accepted.flatMap(([push, answer]) =>
      isKeyed(push) ? [{ id: push.body.id, hash: push.fingerprint, answer: JSON.stringify(answer) }] : [],
    );
    const ours = accepted.map(([, answer]) => answer);
    if (ends.length === 0) return ours;
    try {
      const standing = await this.store.end(ends);
      const byId = new Map(ends.map(({ id }, i) => [id, JSON.parse(standing[i]!) as Accepted]));
      return ours.map((answer) => byId.get(answer.id) ?? answer);
    } catch (err) {
      this.log.warn({ err, pushes: ends.length }, 'answers could not be noted: repeats will be pushed and dropped');
      return ours;
    }
  }

  /** Undefined while the store is away. */
  private async find(pushes: readonly KeyedPush[]): Promise<KeyFound[] | undefined> {
    try {
      return await this.store.begin(
        pushes.map((push) => ({ id: push.body.id, hash: push.fingerprint, stamp: stampOf(push) })),
      );
    } catch (err) {
      this.log.warn({ err, pushes: pushes.length }, 'keys cannot be looked up: pushes refused');
      return undefined;
    }
  }

  private verdict(found: KeyFound, push: CheckedPush, before: CheckedPush | undefined): Verdict {
    const { state } = found;
    const outcome = state === 'pending' && before ? 'twin' : state;
    this.metrics.keys.inc({ outcome });
    if (outcome === 'twin') return { is: 'twin', of: before! };
    if (state === 'conflict') return refused('idempotency_conflict', conflict);
    if (state === 'done') return { is: 'done', answer: JSON.parse(found.answer) as Accepted };
    if (state === 'pending') restamp(push, found.stamp);
    return isNew;
  }
}

const conflict = 'This key was used for another push; a new push needs a new key.';
const away = 'Keys cannot be looked up now, and nothing was pushed; send it again after the time in Retry-After.';

const refused = (code: CodedError['code'], detail: string): Verdict => ({
  is: 'refused',
  error: new CodedError(code, detail),
});

/** All of a record that does not come out of the body. */
const stampOf = ({ body: { acceptedAtMs, traceparent } }: CheckedPush): string =>
  JSON.stringify([acceptedAtMs, traceparent]);

/** Makes the push the same message, to the byte, as the one that was stamped so. */
function restamp(push: CheckedPush, stamp: string): void {
  const [acceptedAtMs, traceparent] = JSON.parse(stamp) as [number, string];
  Object.assign(push.body, { acceptedAtMs, traceparent, expiresAtMs: expiryOf(acceptedAtMs, push.ttlMs) });
}
