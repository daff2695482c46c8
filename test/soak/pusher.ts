import type { Seeded } from '../fuzz/seeded.js';
import { expressions, lastingExpressions } from './audience.js';
import type { Draft, Drafts } from './drafts.js';
import { attemptsAtMost, type Push } from './journal.js';
import { isForNow, type Answer, type Rest } from './rest.js';

/** A push on its way, and the same request for every attempt. */
interface Item {
  push: Push;
  path: Draft['path'];
  message: Record<string, unknown>;
}

const atOnceAtMost = 64;
const batchAtMost = 8;

/**
 * A good producer: sends the next push to a channel when the fate of the one before is known, and again what was
 * refused for now or not answered, to another logic, under the same key. Some go in batches.
 */
export class Pusher {
  readonly pushes = new Map<number, Push>();
  /** Answers that a good producer must never get. */
  readonly refusals: string[] = [];
  private readonly busy = new Set<string>();
  private readonly underWay = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private owed = 0;
  private isGivingUp = false;

  constructor(
    private readonly rest: Rest,
    private readonly drafts: Drafts,
    private readonly users: readonly string[],
    private readonly rate: number,
    private readonly seed: string,
    private readonly random: Seeded,
    private readonly now: () => number,
  ) {}

  get waiting(): number {
    return this.underWay.size;
  }

  start(): void {
    const tickMs = 20;
    this.timer = setInterval(() => {
      this.owed = Math.min(this.owed + (this.rate * tickMs) / 1000, this.rate);
      while (this.owed >= 1) this.owed -= this.underWay.size < atOnceAtMost ? this.begin() : 1;
    }, tickMs);
  }

  /** No new ones; resolves when the fate of all is known, or after so long. */
  async stop(withinMs: number): Promise<void> {
    clearInterval(this.timer);
    const giveUp = setTimeout(() => (this.isGivingUp = true), withinMs);
    await Promise.all(this.underWay);
    clearTimeout(giveUp);
  }

  /** Answers how many were asked for; those to channels that another one is on its way to are left out. */
  begin(): number {
    const asked = this.random.chance(4) ? 2 + this.random.below(batchAtMost - 1) : 1;
    const items: Item[] = [];
    const channels: string[] = [];
    for (let i = 0; i < asked; i += 1) {
      const draft = this.drafts.next();
      if (draft.channels.some((channel) => this.busy.has(channel))) continue; // one at a time in each channel
      for (const channel of draft.channels) this.busy.add(channel);
      channels.push(...draft.channels);
      items.push(this.item(draft));
    }
    if (items.length === 0) return asked;
    const sent = this.send(items).finally(() => {
      for (const channel of channels) this.busy.delete(channel);
      this.underWay.delete(sent);
    });
    this.underWay.add(sent);
    return asked;
  }

  private item({ path, channels, audience, body }: Draft): Item {
    const { random } = this;
    const n = this.pushes.size + 1;
    const excludedUsers = random.chance(8) ? [random.one(this.users)] : undefined;
    const push: Push = {
      n,
      channels,
      audience: { ...audience, ...(excludedUsers && { excludedUsers }) },
      variant: random.chance(5) ? random.below(lastingExpressions) : undefined,
      isKept: path !== 'connections' && !random.chance(8),
      ttlMs: random.chance(8) ? random.one([300, 1_500, 10_000, 60_000]) : undefined,
      sentAt: this.now(),
      attempts: 0,
      acceptedAt: undefined,
      id: undefined,
    };
    this.pushes.set(n, push);
    const data = { n, p: 'x'.repeat(random.below(random.chance(3) ? 20_000 : 200)) };
    const { variant } = push;
    const message = {
      ...body,
      type: 3,
      data,
      ...(excludedUsers && { exclude: { users: excludedUsers } }),
      ...(push.ttlMs !== undefined && { ttlMs: push.ttlMs }),
      ...(!push.isKept && path !== 'connections' && { retain: false }),
      ...(variant !== undefined && {
        variants: [{ match: expressions[variant]!.text, data: { ...data, v: variant } }],
      }),
    };
    return { push, path, message };
  }

  private async send(items: readonly Item[]): Promise<void> {
    let left = items;
    for (let attempt = 0; left.length > 0 && attempt < attemptsAtMost && !this.isGivingUp; attempt += 1) {
      for (const { push } of left) push.attempts += 1;
      const answers = items.length > 1 ? await this.together(left, attempt) : [await this.alone(left[0]!, attempt)];
      left = left.filter(({ push }, i) => !this.settle(push, answers[i]!));
      if (left.length === 0) return;
      const waitMs = Math.min(2_000, Math.max(...answers.map(({ retryAfterMs }) => retryAfterMs)));
      const backoffMs = 50 + this.random.below(Math.min(2_000, 100 * 2 ** attempt));
      await new Promise((resolve) => setTimeout(resolve, waitMs + backoffMs));
    }
    // Nothing is promised of it: that must not be how a system that takes nothing any more passes.
    for (const { push } of left) this.refusals.push(`push ${push.n}: given up after ${push.attempts} attempts`);
  }

  /** Whether its fate is known. */
  private settle(push: Push, answer: Answer): boolean {
    if (answer.status === 202) Object.assign(push, { acceptedAt: this.now(), id: answer.body.id });
    else if (isForNow(answer)) return false;
    else this.refusals.push(`push ${push.n}: ${answer.status} ${answer.code}`);
    return true;
  }

  private alone({ push, path, message }: Item, attempt: number): Promise<Answer> {
    return this.rest.call(push.n + attempt, 'POST', `/v1/push/${path}`, message, this.keyOf(push));
  }

  /** In one batch: each is answered by itself, unless none is. */
  private async together(items: readonly Item[], attempt: number): Promise<Answer[]> {
    const pushes = items.map(({ push, path, message }) => ({
      target: path,
      idempotencyKey: this.keyOf(push),
      ...message,
    }));
    const answer = await this.rest.call(items[0]!.push.n + attempt, 'POST', '/v1/push/batch', { pushes });
    const results = answer.body.results as { status: number; body: Record<string, unknown> }[] | undefined;
    if (answer.status !== 200 || results?.length !== items.length) return items.map(() => answer);
    return results.map(({ status, body }) => ({ status, body, code: body.code as string, retryAfterMs: 0 }));
  }

  private keyOf({ n }: Push): string {
    return `${this.seed}-${n}`;
  }
}
