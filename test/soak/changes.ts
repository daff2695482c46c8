import type { Seeded } from '../fuzz/seeded.js';
import type { Asked, MembershipChange, Visit } from './journal.js';
import { isForNow, type Answer, type Rest } from './rest.js';

const everyMs = 300;
/** What was asked again may have been done late, and undo what is asked after it: nothing is asked there for so long. */
const unsureMs = 60_000;
const atOnceAtMost = 16;

/**
 * A good backend: puts users into rooms to stay and takes them out, gives connections a label and takes it away. It asks
 * again until it is answered, and asks for one thing at a time in each place.
 */
export class Changes {
  readonly memberships: MembershipChange[] = [];
  /** Answers that a good backend must never get. */
  readonly refusals: string[] = [];
  /** Connections whose labels were changed. */
  relabelled = 0;
  private readonly closed = new Set<string>();
  private readonly underWay = new Set<Promise<void>>();
  private turn = 0;
  private timer: NodeJS.Timeout | undefined;
  private isGivingUp = false;

  constructor(
    private readonly rest: Rest,
    private readonly users: readonly string[],
    private readonly rooms: readonly string[],
    private readonly visits: () => readonly Visit[],
    private readonly random: Seeded,
    private readonly now: () => number,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      if (this.underWay.size >= atOnceAtMost) return;
      const change = this.random.chance(50) ? this.move() : this.relabel();
      const done = change.finally(() => this.underWay.delete(done));
      this.underWay.add(done);
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.isGivingUp = true;
    await Promise.all(this.underWay);
  }

  private async move(): Promise<void> {
    const { random } = this;
    const room = random.one(this.rooms);
    const isJoin = random.chance(60);
    const chosen = Array.from({ length: 1 + random.below(3) }, () => random.one(this.users));
    const users = [...new Set(chosen)].filter((user) => !this.closed.has(`${user} ${room}`));
    if (users.length === 0) return;
    const asked = users.map((user): MembershipChange => ({ user, room, isJoin, ...this.asking() }));
    this.memberships.push(...asked);
    const places = users.map((user) => `${user} ${room}`);
    const path = `/v1/rooms/${room}/${isJoin ? 'join' : 'leave'}`;
    const answer = await this.insist(places, 'POST', path, { users }, asked);
    const results = (answer?.body.members as { result: string }[] | undefined)?.map(({ result }) => result) ?? [];
    const expected = isJoin ? ['joined', 'already'] : ['left', 'absent'];
    const odd = results.filter((result) => !expected.includes(result));
    if (odd.length > 0) this.refusals.push(`${path} of ${users.join()}: ${odd.join()}`);
  }

  private async relabel(): Promise<void> {
    const visits = this.visits().filter(({ id }) => !this.closed.has(id));
    if (visits.length === 0) return;
    const visit = this.random.one(visits);
    const value = visit.vips.at(-1)?.value !== true;
    const asked = { value, ...this.asking() };
    visit.vips.push(asked);
    const path = `/v1/connections/${encodeURIComponent(visit.id)}/labels`;
    const answer = await this.insist([visit.id], 'PATCH', path, value ? { set: { vip: '1' } } : { unset: ['vip'] }, [
      asked,
    ]);
    if (answer?.body.result === 'changed') this.relabelled += 1;
    else asked.answeredAt = undefined;
  }

  private asking(): Asked {
    return { sentAt: this.now(), answeredAt: undefined };
  }

  /** Undefined when it was given up. What was answered is noted with the time. */
  private async insist(
    places: readonly string[],
    method: string,
    path: string,
    body: unknown,
    asked: readonly Asked[],
  ): Promise<Answer | undefined> {
    for (const place of places) this.closed.add(place);
    for (let attempt = 0; !this.isGivingUp; attempt += 1) {
      const answer = await this.rest.call((this.turn += 1), method, path, body);
      if (isForNow(answer)) {
        await new Promise((resolve) => setTimeout(resolve, 100 + this.random.below(1_000)));
        continue;
      }
      if (answer.status === 200) for (const one of asked) one.answeredAt = this.now();
      else this.refusals.push(`${method} ${path}: ${answer.status} ${answer.code}`);
      const reopen = () => places.forEach((place) => this.closed.delete(place));
      if (attempt === 0) reopen();
      else setTimeout(reopen, unsureMs).unref();
      return answer;
    }
    return undefined;
  }
}
