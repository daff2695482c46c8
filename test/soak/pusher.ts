import { Agent, request } from 'node:http';
import type { Seeded } from '../fuzz/seeded.js';
import { expressions, type Audience } from './audience.js';
import { attemptsAtMost, type Push } from './journal.js';

/** To whom pushes can go. */
export interface Addressees {
  rooms: readonly string[];
  users: readonly string[];
  devices: readonly string[];
}

interface Draft {
  path: string;
  channels: string[];
  audience: Audience;
  body: Record<string, unknown>;
}

interface Answer {
  status: number;
  id: string | undefined;
  code: string | undefined;
  retryAfterMs: number;
}

const answerMs = 5_000;
/** So long the same channels are pushed to. */
const windowMs = 12_000;
const atOnceAtMost = 64;

/**
 * A good producer: sends the next push to a channel when the fate of the one before is known, and again what was
 * refused for now or not answered, to another logic, under the same key.
 */
export class Pusher {
  readonly pushes = new Map<number, Push>();
  /** Answers by status or error. */
  readonly answers = new Map<string, number>();
  /** Answers that a good producer must never get. */
  readonly refusals: string[] = [];
  private readonly busy = new Set<string>();
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 128 });
  private readonly underWay = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private owed = 0;
  private window = -1;
  private awakeNow: Addressees;
  private hasKeys = true;
  private isGivingUp = false;

  constructor(
    private readonly logics: readonly string[],
    private readonly addressees: Addressees,
    private readonly rate: number,
    private readonly seed: string,
    private readonly random: Seeded,
    private readonly now: () => number,
  ) {
    this.awakeNow = addressees;
  }

  get isKeyed(): boolean {
    return this.hasKeys;
  }

  get waiting(): number {
    return this.underWay.size;
  }

  start(): void {
    const tickMs = 20;
    this.timer = setInterval(() => {
      this.owed = Math.min(this.owed + (this.rate * tickMs) / 1000, this.rate);
      for (; this.owed >= 1; this.owed -= 1) if (this.underWay.size < atOnceAtMost) this.begin();
    }, tickMs);
  }

  /** No new ones; resolves when the fate of all is known, or after so long. */
  async stop(withinMs: number): Promise<void> {
    clearInterval(this.timer);
    const giveUp = setTimeout(() => (this.isGivingUp = true), withinMs);
    await Promise.all(this.underWay);
    clearTimeout(giveUp);
    this.agent.destroy();
  }

  private begin(): void {
    const draft = this.draft();
    if (draft.channels.some((channel) => this.busy.has(channel))) return; // one at a time in each channel
    for (const channel of draft.channels) this.busy.add(channel);
    const sent = this.send(draft).finally(() => {
      for (const channel of draft.channels) this.busy.delete(channel);
      this.underWay.delete(sent);
    });
    this.underWay.add(sent);
  }

  /** Most are quiet at a time: what was the last message for long must have come without a later one that shows it missing. */
  private get awake(): Addressees {
    const window = Math.floor(this.now() / windowMs);
    if (window !== this.window) {
      this.window = window;
      const some = (of: readonly string[]) => {
        const chosen = of.filter(() => this.random.chance(30));
        return chosen.length > 3 ? chosen : of;
      };
      this.awakeNow = { ...this.addressees, rooms: some(this.addressees.rooms), users: some(this.addressees.users) };
    }
    return this.awakeNow;
  }

  private draft(): Draft {
    const { random, awake: addressees } = this;
    const what = random.below(100);
    const some = (of: readonly string[], atMost: number) => [
      ...new Set(Array.from({ length: 1 + random.below(atMost) }, () => random.one(of))),
    ];
    const match = random.below(expressions.length);
    const { text } = expressions[match]!;
    const isMatched = random.chance(12);
    if (what < 6) {
      const matched = isMatched && { match: text };
      return { path: 'all', channels: ['all'], audience: isMatched ? { match } : {}, body: { ...matched } };
    }
    if (what < 10) return { path: 'labels', channels: ['all'], audience: { match }, body: { match: text } };
    if (what < 60) {
      const rooms = some(addressees.rooms, 3);
      const channels = rooms.map((room) => `room:${room}`);
      const matched = isMatched && { match: text };
      return { path: 'rooms', channels, audience: isMatched ? { match } : {}, body: { rooms, ...matched } };
    }
    const users = some(addressees.users, 3);
    const channels = users.map((user) => `user:${user}`);
    const device = random.one(addressees.devices);
    const devices = new Map(users.map((user) => [user, [device]]));
    if (what < 85) return { path: 'users', channels, audience: {}, body: { users } };
    if (what < 93) return { path: 'users', channels, audience: { devices }, body: { users, device } };
    return {
      path: 'devices',
      channels,
      audience: { devices },
      body: { targets: users.map((user) => ({ user, device })) },
    };
  }

  private async send({ path, channels, audience, body }: Draft): Promise<void> {
    const { random } = this;
    const n = this.pushes.size + 1;
    const excludedUsers = random.chance(8) ? [random.one(this.addressees.users)] : undefined;
    const push: Push = {
      n,
      channels,
      audience: { ...audience, ...(excludedUsers && { excludedUsers }) },
      variant: random.chance(5) ? random.below(expressions.length) : undefined,
      isKept: !random.chance(8),
      ttlMs: random.chance(8) ? random.one([300, 1_500, 10_000, 60_000]) : undefined,
      hasKey: this.hasKeys,
      sentAt: this.now(),
      acceptedAt: undefined,
      acceptedAttempt: -1,
      id: undefined,
    };
    this.pushes.set(n, push);
    const padding = random.chance(3) ? 'x'.repeat(random.below(20_000)) : 'x'.repeat(random.below(200));
    const message = {
      ...body,
      type: 3,
      ...(excludedUsers && { exclude: { users: excludedUsers } }),
      ...(push.ttlMs !== undefined && { ttlMs: push.ttlMs }),
      ...(!push.isKept && { retain: false }),
    };
    for (let attempt = 0; attempt < attemptsAtMost && !this.isGivingUp; attempt += 1) {
      const data = { n, a: attempt, p: padding };
      const variants = push.variant !== undefined && {
        variants: [{ match: expressions[push.variant]!.text, data: { ...data, v: push.variant } }],
      };
      // With a key every attempt is the same request, to the byte.
      const sent = push.hasKey ? { ...message, data: { ...data, a: 0 } } : { ...message, data };
      if (variants && push.hasKey) variants.variants[0]!.data.a = 0;
      const answer = await this.post((n + attempt) % this.logics.length, path, { ...sent, ...variants }, push);
      const said = answer.status === 0 ? (answer.code ?? 'no answer') : String(answer.status);
      this.answers.set(said, (this.answers.get(said) ?? 0) + 1);
      if (answer.status === 202) {
        Object.assign(push, { acceptedAt: this.now(), acceptedAttempt: attempt, id: answer.id });
        return;
      }
      if (answer.code === 'unsupported_option' && push.hasKey) {
        this.hasKeys = push.hasKey = false;
        continue;
      }
      const isForNow = answer.status === 0 || answer.status >= 500 || answer.status === 429;
      if (!isForNow) {
        this.refusals.push(`push ${n}: ${answer.status} ${answer.code}`);
        return;
      }
      const backoffMs = 50 + random.below(Math.min(2_000, 100 * 2 ** attempt));
      await new Promise((resolve) => setTimeout(resolve, Math.min(answer.retryAfterMs, 2_000) + backoffMs));
    }
  }

  private post(logic: number, path: string, body: unknown, { n, hasKey }: Push): Promise<Answer> {
    const text = JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(hasKey && { 'idempotency-key': `${this.seed}-${n}` }),
    };
    return new Promise((resolve) => {
      const fail = (code: string) => resolve({ status: 0, id: undefined, code, retryAfterMs: 0 });
      const url = `${this.logics[logic]!}/v1/push/${path}`;
      const call = request(url, { method: 'POST', agent: this.agent, headers, timeout: answerMs }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', () => fail('answer cut'));
        response.on('end', () => {
          const answer = readAnswer(Buffer.concat(parts).toString());
          const retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1000;
          resolve({ status: response.statusCode ?? 0, id: answer.id, code: answer.code, retryAfterMs });
        });
      });
      call.on('timeout', () => call.destroy(Object.assign(new Error('no answer in time'), { code: 'timeout' })));
      call.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      call.end(text);
    });
  }
}

function readAnswer(text: string): { id?: string; code?: string } {
  try {
    return JSON.parse(text) as { id?: string; code?: string };
  } catch {
    return {};
  }
}
