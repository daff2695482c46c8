/** The load of a soak, in a process of its own: clients and producer, and the balance, because they hold what it is about. */
import { expressions } from './audience.js';
import { Changes } from './changes.js';
import { SoakClient, type Payload, type World } from './client.js';
import { Habits } from './habits.js';
import type { FaultMark, Follower } from './journal.js';
import { judge, type Verdict } from './judge.js';
import { addresseesOf, isKeptIn, keepsAll, lastingRooms, personOf } from './layout.js';
import { Drafts } from './drafts.js';
import { Rest } from './rest.js';
import { Seeded } from '../fuzz/seeded.js';
import { Pusher } from './pusher.js';
import { firstSeen, type First } from './timeline.js';
import { ownRecords, type OwnRecords } from './own-records.js';
import { recoveries, type Recovered } from './recovery.js';

export interface LoadOrder {
  seed: string;
  clients: number;
  rate: number;
  jitter: boolean;
  /** Faults after which nothing of registry and history is known any more. */
  forgetful: readonly string[];
  gateways: readonly string[];
  logics: readonly string[];
}

export type ToLoad =
  { do: 'begin'; order: LoadOrder } | { do: 'settle'; withinMs: number; faults: FaultMark[] } | { do: 'round' };

/** One second of the run. */
export interface Second {
  at: number;
  here: number;
  deliveries: number;
  pushes: number;
  /** Milliseconds from a push's first attempt until it came: half of this second's, and the longest. */
  lag: number;
  lagMost: number;
}

export type FromLoad =
  | { did: 'begin'; startedAt: number }
  | { did: 'second'; second: Second; waiting: number }
  | { did: 'settled'; verdict: Verdict; figures: LoadFigures }
  | { did: 'round'; round: Round };

/** A few pushes while nobody comes or goes and nothing is wrong: all that is written is received. */
export interface Round {
  pushes: number;
  received: number;
  /** Nobody came or went meanwhile. */
  isWhole: boolean;
}

export interface LoadFigures {
  answers: Record<string, number>;
  refusals: string[];
  /** How often REST changed a connection's labels. */
  relabelled: number;
  ends: Record<string, number>;
  connections: number;
  recoveries: Recovered;
  /** By the producer's own count. */
  records: OwnRecords;
  /** Pushed messages that came from each gateway, whoever still listened. */
  received: number[];
  /** Around the first finding. */
  first: First | undefined;
  /** From the end of the load until every client had everything, in milliseconds. */
  settledAfterMs: number;
}

/** Nothing came for so long: what is under way has come, and what came last has had its time to be late or twice. */
const quietMs = 6_000;
/** Nothing more came for so long: it will not. */
const hopelessMs = 40_000;
/** Of the round at the end. */
const roundPushes = 200;
const roundMs = 30_000;
const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);
// Nobody may be left to tell.
const say = (message: FromLoad) => process.send?.(message, () => {});

class Load {
  readonly startedAt = Date.now();
  readonly clients: SoakClient[];
  readonly pusher: Pusher;
  private readonly rest: Rest;
  private readonly changes: Changes;
  private readonly habits: Habits[] = [];
  private readonly received: number[];
  private lags: number[] = [];
  private pushed = 0;
  private lastDeliveryAt = 0;

  constructor(private readonly order: LoadOrder) {
    const { seed, clients, gateways, logics, rate } = order;
    const addressees = addresseesOf(clients);
    this.received = gateways.map(() => 0);
    const world: World = {
      gateways,
      now: () => this.now(),
      onReceived: (gateway) => (this.received[gateway]! += 1),
      onDelivery: (...what) => this.onDelivery(...what),
    };
    this.clients = Array.from({ length: clients }, (_, n) => {
      const random = new Seeded(seed, 'client', n);
      const rooms = new Set(Array.from({ length: 3 }, () => random.one(addressees.rooms)));
      return new SoakClient(`c${n}`, personOf(n), [...rooms], n % gateways.length, world, random);
    });
    this.rest = new Rest(logics);
    const now = () => this.now();
    const visits = () => this.clients.flatMap(({ visit }) => visit ?? []);
    const { users } = addressees;
    const all = { ...addressees, rooms: [...addressees.rooms, ...lastingRooms] };
    const drafts = new Drafts(all, () => visits().map(({ id }) => id), clients, new Seeded(seed, 'drafts'), now);
    this.pusher = new Pusher(this.rest, drafts, users, rate, seed, new Seeded(seed, 'pusher'), now);
    this.changes = new Changes(this.rest, users, lastingRooms, visits, new Seeded(seed, 'changes'), now);
  }

  now(): number {
    return Date.now() - this.startedAt;
  }

  /** Resolves when everybody has come, a few at a time. */
  async gather(): Promise<void> {
    for (let from = 0; from < this.clients.length; from += 50) {
      const some = this.clients.slice(from, from + 50);
      for (const client of some) client.come();
      while (some.some(({ state }) => state !== 'here')) await pause(5);
    }
  }

  begin(): void {
    const { rooms } = addresseesOf(this.order.clients);
    for (const [n, client] of this.clients.entries()) {
      this.habits.push(new Habits(client, rooms, new Seeded(this.order.seed, 'habits', n), this.order.jitter));
    }
    this.pusher.start();
    this.changes.start();
    setInterval(() => this.tellSecond(), 1_000);
  }

  /** Ends the load, waits until everybody has everything, and tells what is missing when that does not come. */
  async settle(withinMs: number, faults: FaultMark[]): Promise<void> {
    const from = this.now();
    let deadline = from + withinMs;
    for (const habits of this.habits) habits.stop();
    await Promise.all([this.pusher.stop(withinMs / 2), this.changes.stop()]);
    let verdict: Verdict | undefined;
    let settledAt = this.now();
    let missing = Infinity;
    let better = this.now();
    while (verdict === undefined || (this.now() < deadline && this.now() - better < hopelessMs)) {
      await pause(1_000);
      const isQuiet = this.now() - this.lastDeliveryAt > quietMs && this.clients.every((client) => !client.isPaused);
      if (!isQuiet && this.now() < deadline) continue;
      const judgedAt = this.now();
      verdict = this.judge(faults);
      const { lost, silentGap, away } = verdict.problems;
      if (lost + silentGap + away === 0) break;
      settledAt = judgedAt;
      if (lost + silentGap + away < missing) {
        missing = lost + silentGap + away;
        better = judgedAt;
      }
      // Of half an hour it takes half a minute, in which no client reads: that is not the system's time.
      const took = this.now() - judgedAt;
      deadline += took;
      better += took;
    }
    say({ did: 'settled', verdict, figures: this.figures(verdict, faults, Math.max(0, settledAt - from)) });
  }

  async round(): Promise<void> {
    const count = () => ({
      pushes: this.pusher.pushes.size,
      received: sum(this.received),
      connections: this.connections(),
    });
    const before = count();
    for (let i = 0; i < roundPushes; i += 1) {
      this.pusher.begin();
      await pause(20);
    }
    await this.pusher.stop(roundMs);
    while (this.now() - this.lastDeliveryAt < 3_000) await pause(200);
    const { pushes, received, connections } = count();
    const isWhole = connections === before.connections && this.clients.every(({ state }) => state === 'here');
    say({
      did: 'round',
      round: { pushes: pushes - before.pushes, received: received - before.received, isWhole },
    });
  }

  private connections(): number {
    return sum(this.clients.map(({ follower }) => follower.visits.length));
  }

  private judge(faults: FaultMark[]): Verdict {
    const followers = this.clients.map(({ follower }) => follower);
    const { memberships } = this.changes;
    const endAt = this.now();
    const { forgetful } = this.order;
    return judge({ pushes: this.pusher.pushes, followers, faults, memberships, forgetful, endAt, isKeptIn, keepsAll });
  }

  private figures(verdict: Verdict, faults: FaultMark[], settledAfterMs: number): LoadFigures {
    const ends: Record<string, number> = {};
    for (const client of this.clients) {
      for (const [why, count] of client.ends) ends[why] = (ends[why] ?? 0) + count;
    }
    return {
      answers: Object.fromEntries(this.rest.answers),
      refusals: [...this.pusher.refusals, ...this.changes.refusals],
      relabelled: this.changes.relabelled,
      ends,
      connections: this.connections(),
      records: ownRecords(this.pusher.pushes.values()),
      received: this.received,
      recoveries: recoveries(this.clients, faults),
      first: firstSeen(
        verdict,
        this.clients.map(({ follower }) => follower),
        this.pusher.pushes,
      ),
      settledAfterMs,
    };
  }

  private onDelivery(follower: Follower, { n, v }: Payload, at: number): void {
    this.lastDeliveryAt = at;
    const push = this.pusher.pushes.get(n);
    if (!push) return;
    this.lags.push(at - push.sentAt);
    const { variant } = push;
    const isFitting =
      variant === undefined ? v === undefined : expressions[variant]!.holds(follower.labels) === (v === variant);
    if (!isFitting) follower.strays.push({ channel: push.channels[0]!, n, at, why: `variant ${v} of ${variant}` });
  }

  private tellSecond(): void {
    const lags = this.lags.sort((a, b) => a - b);
    this.lags = [];
    const pushes = this.pusher.pushes.size - this.pushed;
    this.pushed += pushes;
    const second: Second = {
      at: Math.round(this.now() / 1000),
      here: this.clients.filter(({ state }) => state === 'here').length,
      deliveries: lags.length,
      pushes,
      lag: lags[lags.length >> 1] ?? 0,
      lagMost: lags.at(-1) ?? 0,
    };
    say({ did: 'second', second, waiting: this.pusher.waiting });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function begin(load: Load): Promise<void> {
  await load.gather();
  load.begin();
  say({ did: 'begin', startedAt: load.startedAt });
}

let load: Load;
process.on('message', (message: ToLoad) => {
  if (message.do === 'settle') return void load.settle(message.withinMs, message.faults);
  if (message.do === 'round') return void load.round();
  load = new Load(message.order);
  void begin(load);
});
process.on('disconnect', () => process.exit(0)); // nobody is left to tell
