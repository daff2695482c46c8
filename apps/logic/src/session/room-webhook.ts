import { createHmac } from 'node:crypto';
import type { RoomAnswer, RoomQuestion } from '@app/rpc';
import type { Clock, Log, Metrics } from '@app/runtime';
import type { RoomOracle } from './room-judge.js';
import { boundedText } from './bounded-text.js';

export interface WebhookSettings {
  url: string;
  /** Signs each request. */
  secret: string;
  /** From the question to the answer, waiting for its turn included. */
  timeoutMs: number;
  /** Requests at once; others wait. */
  concurrency: number;
  /** An answer holds so long for the same question; 0: never. */
  cacheMs: number;
}

const maxCached = 10_000;
const maxWaiting = 10_000;
const maxBytes = 4_096;

/**
 * Asks a URL of the application whether somebody may join a room: POST of the question as JSON, signed. 200 with
 * `{"allow":true}` is yes; 200 with `{"allow":false}` and 403 are no; everything else is no answer, and nobody joins.
 */
export class RoomWebhook implements RoomOracle {
  private readonly cache = new Map<string, { answer: RoomAnswer; untilMs: number }>();
  private readonly underWay = new Map<string, Promise<RoomAnswer>>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private readonly asked;

  constructor(
    private readonly settings: WebhookSettings,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    const help = 'Questions to ROOM_WEBHOOK_URL, by outcome: allowed, forbidden, failed; cached: not asked again';
    this.asked = metrics.counter('skylark_room_webhook_total', help, ['outcome']);
  }

  ask(question: RoomQuestion): Promise<RoomAnswer> {
    const { app, room, user, device } = question;
    const body = JSON.stringify({ app, room, user, device });
    const cached = this.cache.get(body);
    if (cached && cached.untilMs > this.clock.now()) {
      this.asked.inc({ outcome: 'cached' });
      return Promise.resolve(cached.answer);
    }
    let answer = this.underWay.get(body);
    if (!answer) {
      answer = this.judge(room, body).finally(() => this.underWay.delete(body));
      this.underWay.set(body, answer);
    }
    return answer;
  }

  private async judge(room: string, body: string): Promise<RoomAnswer> {
    try {
      const isAllowed = await this.inTurn((signal) => this.post(body, signal));
      this.asked.inc({ outcome: isAllowed ? 'allowed' : 'forbidden' });
      const no = { ok: false, room, code: 'room_forbidden', message: `${room}: the application says no` } as const;
      return this.keep(body, isAllowed ? { ok: true } : no);
    } catch (error) {
      this.asked.inc({ outcome: 'failed' });
      this.log.warn({ err: error }, 'the webhook of rooms gave no answer, nobody joins');
      return {
        ok: false,
        room,
        code: 'auth_unavailable',
        message: `${room}: nobody can say now who may join; try again`,
      };
    }
  }

  private keep(body: string, answer: RoomAnswer): RoomAnswer {
    const { cacheMs } = this.settings;
    if (cacheMs === 0) return answer;
    this.cache.delete(body);
    this.cache.set(body, { answer, untilMs: this.clock.now() + cacheMs });
    if (this.cache.size > maxCached) this.cache.delete(this.cache.keys().next().value!);
    return answer;
  }

  private async inTurn(request: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
    const signal = AbortSignal.timeout(this.settings.timeoutMs);
    if (this.running >= this.settings.concurrency) {
      if (this.waiting.length >= maxWaiting) throw new Error('too many questions wait');
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else this.running += 1;
    try {
      signal.throwIfAborted();
      return await request(signal);
    } finally {
      // Whoever waits longest has the place.
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  private async post(body: string, signal: AbortSignal): Promise<boolean> {
    const seconds = Math.floor(this.clock.now() / 1_000);
    const signature = createHmac('sha256', this.settings.secret).update(`${seconds}.${body}`).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-skylark-signature': `t=${seconds},v1=${signature}` };
    const response = await fetch(this.settings.url, { method: 'POST', redirect: 'manual', headers, body, signal });
    if (response.status === 403) {
      await response.body?.cancel();
      return false;
    }
    const { allow } = Object(JSON.parse(await boundedText(response, maxBytes))) as { allow?: unknown };
    if (typeof allow !== 'boolean') throw new Error('answered without "allow"');
    return allow;
  }
}
