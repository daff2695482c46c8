import type { Audience, Person } from './audience.js';

/** A push and what became of it. */
export interface Push {
  /** Its number: later pushes to a channel have higher ones, and are sent after the fate of the earlier is known. */
  n: number;
  /** `all`, `room:<name>`, `user:<id>`. */
  channels: readonly string[];
  audience: Audience;
  /** Place in `expressions` for those who get another payload. */
  variant: number | undefined;
  /** Whether who is away may have it later. */
  isKept: boolean;
  ttlMs: number | undefined;
  /** When the first attempt was sent, in milliseconds of the run. */
  sentAt: number;
  /** When 202 came; undefined when it never did: it may be held all the same, or not. */
  acceptedAt: number | undefined;
  /** How often it was sent, under one Idempotency-Key: they are one message. */
  attempts: number;
  id: string | undefined;
}

/** Attempts of one push that were sent at most. */
export const attemptsAtMost = 64;

/** What a client got: which push, at which offset, when. Three columns, because there are millions. */
export class Receipts {
  private readonly numbers: number[] = [];
  private readonly offsets: number[] = [];
  private readonly times: number[] = [];

  get length(): number {
    return this.numbers.length;
  }

  add(n: number, offset: number, at: number): void {
    this.numbers.push(n);
    this.offsets.push(offset);
    this.times.push(at);
  }

  n(i: number): number {
    return this.numbers[i]!;
  }

  offset(i: number): number {
    return this.offsets[i]!;
  }

  at(i: number): number {
    return this.times[i]!;
  }
}

/** One connection's time in one channel: from the welcome or the reply until it left or the connection ended. */
export interface Stay {
  channel: string;
  /** `fresh`: no position was given. `resumed`: recovered:true. `hole`: a position was given, and recovered was not true. */
  began: 'fresh' | 'resumed' | 'hole';
  epoch: string;
  /** The position told: what comes is after it. */
  base: number;
  /** The position given by the client. */
  since: { epoch: string; offset: number } | undefined;
  /** When the client asked, and when it was told. */
  askedAt: number;
  openedAt: number;
  /** Undefined until it is over. */
  closedAt: number | undefined;
  end: 'open' | 'left' | 'dropped';
  got: Receipts;
}

/** Something asked of REST: sent first, and answered at last; undefined when it never was, so that it may be done or not. */
export interface Asked {
  sentAt: number;
  answeredAt: number | undefined;
}

/** Whether a user is to stay in a room. */
export interface MembershipChange extends Asked {
  user: string;
  room: string;
  isJoin: boolean;
}

/** A welcomed connection that the client listened to. */
export interface Visit {
  id: string;
  gateway: number;
  askedAt: number;
  /** From the welcome on. */
  from: number;
  /** Undefined until it is over. */
  to: number | undefined;
  /** The label `vip` was given to it (true) or taken. */
  vips: (Asked & { value: boolean })[];
}

/** A client over all its connections. */
export interface Follower extends Person {
  name: string;
  /** Channels that it wants to be in now. */
  wants: Set<string>;
  visits: Visit[];
  stays: Map<string, Stay[]>;
  /** From, to: when it did not read. */
  pauses: [number, number][];
  /** What came and must not have: outside of the channel, another variant than that for its labels, a welcome without what was asked for. */
  strays: { channel: string; n: number; at: number; why: string }[];
}

/** Something that was done to the system. */
export interface FaultMark {
  kind: string;
  what: string;
  fromMs: number;
  /** Infinity until it is over. */
  toMs: number;
}
