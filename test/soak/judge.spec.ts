import type { Audience } from './audience.js';
import { Receipts, type FaultMark, type Follower, type MembershipChange, type Push, type Stay } from './journal.js';
import { judge, type Verdict } from './judge.js';

/** A run of one room and one client, told as what happened. */
class Story {
  readonly pushes = new Map<number, Push>();
  readonly faults: FaultMark[] = [];
  private readonly stays: Stay[] = [];
  private readonly strays: Follower['strays'] = [];
  private readonly pauses: Follower['pauses'] = [];
  private readonly visits: Follower['visits'] = [];
  private readonly wanted = new Set<string>();
  private readonly memberships: MembershipChange[] = [];
  private others: Follower[] = [];
  private isAllKept = false;

  /** Pushed at `n` seconds and accepted at once, unless it says otherwise. */
  push(n: number, what: Partial<Push> = {}): this {
    const at = n * 1_000;
    const usual = {
      channels: ['room:a'],
      audience: {},
      variant: undefined,
      isKept: true,
      ttlMs: undefined,
      attempts: 1,
    };
    const fate = { sentAt: at, acceptedAt: at, id: `M${n}` };
    this.pushes.set(n, { n, ...usual, ...fate, ...what });
    return this;
  }

  pushed(from: number, to: number, what: Partial<Push> = {}): this {
    for (let n = from; n <= to; n += 1) this.push(n, what);
    return this;
  }

  /** A connection: what came is `n`, at offset 10 × n of its epoch unless it says another, a tenth of a second later. */
  stay(how: Partial<Omit<Stay, 'got'>>, ...got: (number | { n: number; offset?: number; at?: number })[]): this {
    const receipts = new Receipts();
    for (const one of got) {
      const { n, offset = n * 10, at = n * 1_000 + 100 } = typeof one === 'number' ? { n: one } : one;
      receipts.add(n, offset, at);
    }
    const usual = { channel: 'room:a', began: 'fresh' as const, epoch: 'e', base: 0, since: undefined };
    const times = { askedAt: 0, openedAt: 0, closedAt: undefined, end: 'open' as const };
    this.stays.push({ ...usual, ...times, ...how, got: receipts });
    return this;
  }

  /** Somebody who was there all the time and got everything that was accepted. */
  witness(): this {
    const story = new Story();
    story.stay({}, ...this.pushes.keys());
    this.others = [{ ...story.client(), name: 'witness', user: 'w' }];
    return this;
  }

  /** More than is ever pushed: nothing is trimmed. */
  keepsAll(): this {
    this.isAllKept = true;
    return this;
  }

  wants(channel: string): this {
    this.wanted.add(channel);
    return this;
  }

  stray(n: number): this {
    this.strays.push({ channel: 'room:a', n, at: n * 1_000, why: 'came while not in the channel' });
    return this;
  }

  /** A connection from welcome to end; the label `vip` was given or taken at these times, each answered a tenth of a second later. */
  visit(from: number, to: number | undefined, vips: { at: number; value: boolean; isUnsure?: boolean }[] = []): this {
    const changes = vips.map(({ at, value, isUnsure }) => ({ value, ...asked(at, isUnsure) }));
    this.visits.push({ id: `g~${from}`, gateway: 0, askedAt: from, from, to, vips: changes });
    return this;
  }

  /** By REST, answered a tenth of a second later. */
  membership(action: 'join' | 'leave', at: number, isUnsure?: boolean): this {
    this.memberships.push({ user: 'u', room: 'a', isJoin: action === 'join', ...asked(at, isUnsure) });
    return this;
  }

  fault(fromMs: number, toMs: number, kind = 'kill-job'): this {
    this.faults.push({ kind, what: kind, fromMs, toMs });
    return this;
  }

  get verdict(): Verdict {
    return judge({
      pushes: this.pushes,
      followers: [this.client(), ...this.others],
      faults: this.faults,
      memberships: this.memberships,
      forgetful: ['flush-redis'],
      endAt: 1_000_000,
      isKeptIn: (channel) => channel !== 'room:live' && !channel.startsWith('connection:'),
      keepsAll: () => this.isAllKept,
    });
  }

  /** Only what is wrong, by name. */
  get problems(): Partial<Verdict['problems']> {
    return Object.fromEntries(Object.entries(this.verdict.problems).filter(([, count]) => count > 0));
  }

  private client(): Follower {
    const stays = new Map<string, Stay[]>();
    for (const stay of this.stays) stays.set(stay.channel, [...(stays.get(stay.channel) ?? []), stay]);
    const person = { user: 'u', device: 'phone', labels: { p: 'ios' } };
    return {
      name: 'c',
      ...person,
      wants: this.wanted,
      visits: this.visits,
      stays,
      pauses: this.pauses,
      strays: this.strays,
    };
  }
}

const asked = (sentAt: number, isUnsure = false) => ({ sentAt, answeredAt: isUnsure ? undefined : sentAt + 100 });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const dropped = (closedAt: number) => ({ end: 'dropped' as const, closedAt });
const resumed = (offset: number, at: number) => ({
  began: 'resumed' as const,
  since: { epoch: 'e', offset },
  base: offset,
  askedAt: at,
  openedAt: at,
});

describe('the balance of a client in a channel', () => {
  it('is even when everything came once and in order', () => {
    const story = new Story().pushed(1, 5).stay({}, 1, 2, 3, 4, 5);
    expect(story.problems).toEqual({});
    expect(story.verdict).toMatchObject({ promisedKept: 5, deliveries: 5, accepted: 5 });
  });

  it('finds what is missing at the end, and what is missing in the middle', () => {
    expect(new Story().pushed(1, 5).stay({}, 1, 2, 3, 4).problems).toEqual({ lost: 1 });
    expect(new Story().pushed(1, 5).stay({}, 1, 2, 4, 5).problems).toEqual({ silentGap: 1 });
  });

  it('finds what nobody got', () => {
    expect(new Story().pushed(1, 2).stay({}, 1).problems).toEqual({ lost: 1 });
  });

  it('finds what came twice on one connection, at the same offset or at another', () => {
    expect(new Story().pushed(1, 3).stay({}, 1, 2, 2, 3).problems).toEqual({ twice: 1 });
    const later = new Story().pushed(1, 3).stay({}, 1, 2, { n: 1, offset: 25 }, 3);
    expect(later.problems).toMatchObject({ twice: 1 });
  });

  it('finds an order that is not that of the pushes, or not that of the offsets', () => {
    expect(new Story().pushed(1, 2).stay({}, { n: 2, offset: 10 }, { n: 1, offset: 20 }).problems).toEqual({
      outOfOrder: 1,
    });
    expect(new Story().pushed(1, 2).stay({}, { n: 1, offset: 20 }, { n: 2, offset: 10 }).problems).toEqual({
      outOfOrder: 1,
    });
  });

  it('finds what was meant for others', () => {
    const audiences: Audience[] = [{ match: 4 }, { excludedUsers: ['u'] }, { devices: new Map([['u', ['desk']]]) }];
    for (const audience of audiences) {
      expect(new Story().push(1, { audience }).stay({}, 1).problems).toEqual({ wrong: 1 });
      expect(new Story().push(1, { audience }).stay({}).problems).toEqual({});
    }
    expect(new Story().push(1, { channels: ['room:b'] }).stay({}, 1).problems).toEqual({ wrong: 1 });
    expect(new Story().stay({}, 7).problems).toEqual({ wrong: 1 });
    expect(new Story().push(1).stay({}, 1).stray(1).problems).toEqual({ wrong: 1 });
  });

  it('does not ask for what was pushed before the client came', () => {
    const story = new Story().pushed(1, 5).stay({ openedAt: 3_500, base: 30 }, 4, 5);
    expect(story.problems).toEqual({});
    expect(story.verdict.promisedKept).toBe(2);
  });

  it('asks for what was pushed before the client came when it stands behind the position that it was told', () => {
    const story = new Story().pushed(1, 5).witness().stay({ openedAt: 3_500, base: 20 }, 4, 5);
    expect(story.problems).toEqual({ silentGap: 1 });
  });

  it('asks for what was pushed after the client came, also when it was told a place far behind that', () => {
    const story = new Story().pushed(1, 3).witness().stay({ openedAt: 500, base: 10_000 });
    expect(story.problems).toEqual({ lost: 3 });
  });

  it('takes a push that was never answered 202 as one that may come, once', () => {
    const unsure = { acceptedAt: undefined };
    expect(new Story().push(1).push(2, unsure).push(3).stay({}, 1, 3).problems).toEqual({});
    expect(new Story().push(1).push(2, unsure).push(3).stay({}, 1, 2, 3).problems).toEqual({});
    expect(new Story().push(1).push(2, unsure).push(3).stay({}, 1, 2, 2, 3).problems).toEqual({ twice: 1 });
  });
});

describe('the balance over connections', () => {
  it('is even when a resume brings what was missed', () => {
    const story = new Story().pushed(1, 5).stay(dropped(2_500), 1, 2).stay(resumed(20, 4_500), 3, 4, 5);
    expect(story.problems).toEqual({});
    expect(story.verdict).toMatchObject({ resumes: 1, holesTold: 0, promisedKept: 5 });
  });

  it('finds a resume that skips one, though it says recovered:true', () => {
    const story = new Story().pushed(1, 5).stay(dropped(2_500), 1, 2).stay(resumed(20, 4_500), 4, 5);
    expect(story.problems).toEqual({ silentGap: 1 });
  });

  it('finds a resume that repeats one', () => {
    const again = { n: 2, at: 4_600 };
    const story = new Story().pushed(1, 3).stay(dropped(2_500), 1, 2).stay(resumed(20, 4_500), again, 3);
    expect(story.problems).toMatchObject({ twice: 1 });
    const elsewhere = { n: 2, offset: 25, at: 4_600 };
    const moved = new Story().pushed(1, 3).stay(dropped(2_500), 1, 2).stay(resumed(20, 4_500), elsewhere, 3);
    expect(moved.problems).toMatchObject({ twice: 1 });
  });

  it('lets two connections of one device overlap: both may get what came between', () => {
    const story = new Story()
      .pushed(1, 4)
      .stay(dropped(3_500), 1, 2, 3)
      .stay(resumed(20, 2_500), { n: 3, at: 3_600 }, 4);
    expect(story.problems).toEqual({});
  });

  it('allows a loss where it was told, and counts it', () => {
    const hole = {
      began: 'hole' as const,
      since: { epoch: 'e', offset: 20 },
      base: 40,
      askedAt: 4_500,
      openedAt: 4_500,
    };
    const story = new Story().pushed(1, 5).stay(dropped(2_500), 1, 2).stay(hole, 5);
    expect(story.problems).toEqual({});
    expect(story.verdict).toMatchObject({ holesTold: 1, holesToldInSameEpoch: 1, missingTold: 2 });
  });

  it('allows it only where something may have been lost', () => {
    const hole = (epoch: string) => ({ ...resumed(20, 4_500), began: 'hole' as const, epoch });
    const story = (epoch: string) =>
      new Story().keepsAll().pushed(1, 5).stay(dropped(2_500), 1, 2).stay(hole(epoch), 3, 4, 5);
    expect(story('e').problems).toEqual({ needless: 1 });
    expect(story('f').problems).toEqual({ needless: 1 });
    expect(story('e').fault(3_000, 3_001, 'flush-redis').problems).toEqual({});
    expect(story('e').fault(3_000, 3_001, 'kill-redis').problems).toEqual({ needless: 1 });
    expect(story('f').fault(3_000, 3_001, 'kill-redis').problems).toEqual({});
    expect(story('f').fault(3_000, 3_001, 'kill-job').problems).toEqual({ needless: 1 });
    // What was forgotten after it was told is no reason for it, and neither is what was long before the position.
    expect(story('e').fault(4_600, 4_601, 'flush-redis').problems).toEqual({ needless: 1 });
    expect(story('e').fault(-40_000, -39_000, 'flush-redis').problems).toEqual({ needless: 1 });
  });

  it('allows it to who was told that there is no epoch yet, however long ago, if the store had been emptied then', () => {
    const hole = { ...resumed(600, 62_000), began: 'hole' as const, since: { epoch: 'none', offset: 600 } };
    const story = () =>
      new Story()
        .keepsAll()
        .pushed(5, 65)
        .stay({ ...dropped(60_500), epoch: 'none', openedAt: 4_500 }, ...range(5, 60))
        .stay(hole, ...range(61, 65));
    expect(story().problems).toEqual({ needless: 1 });
    expect(story().fault(2_000, 2_001, 'flush-redis').problems).toEqual({});
    expect(story().fault(2_000, 2_001, 'kill-job').problems).toEqual({ needless: 1 });
    expect(story().fault(-40_000, -39_000, 'flush-redis').problems).toEqual({ needless: 1 });
  });

  it('does not allow one in the middle of what came before the hole was told', () => {
    const hole = {
      began: 'hole' as const,
      since: { epoch: 'e', offset: 30 },
      base: 40,
      askedAt: 4_500,
      openedAt: 4_500,
    };
    expect(new Story().pushed(1, 5).stay(dropped(3_500), 1, 3).stay(hole, 5).problems).toEqual({ silentGap: 1 });
  });

  it('lets another life of the channel repeat, but not the same one', () => {
    const hole = {
      began: 'hole' as const,
      since: { epoch: 'e', offset: 20 },
      base: -1,
      askedAt: 4_500,
      openedAt: 4_500,
    };
    const first = new Story().pushed(1, 3).stay(dropped(2_500), 1, 2);
    first.stay({ ...hole, epoch: 'f' }, { n: 2, offset: 1 }, { n: 3, offset: 2 });
    expect(first.problems).toEqual({});
    expect(first.verdict.againAfterHole).toBe(1);
    const same = new Story()
      .pushed(1, 3)
      .stay(dropped(2_500), 1, 2)
      .stay({ ...hole, base: 20 }, 2, 3);
    expect(same.problems).toEqual({ twice: 1 });
    const inLive = { ...hole, channel: 'room:live', base: 20 };
    const live = new Story()
      .push(1, { channels: ['room:live'] })
      .push(2, { channels: ['room:live'] })
      .stay({ ...dropped(2_500), channel: 'room:live' }, 1, 2)
      .stay(inLive, 2);
    expect(live.problems).toEqual({});
    expect(live.verdict.againAfterHole).toBe(1);
  });

  it('promises nothing after the last that came to who left, and everything to who comes back with a position', () => {
    const left = { end: 'left' as const, closedAt: 2_500 };
    expect(new Story().pushed(1, 5).stay(left, 1, 2).stay({ channel: 'all' }).problems).toEqual({});
    expect(new Story().pushed(1, 5).stay(left, 1, 2).stay(resumed(20, 4_500), 3, 4, 5).problems).toEqual({});
    expect(new Story().pushed(1, 5).stay(left, 1, 2).stay(resumed(20, 4_500), 4, 5).problems).toEqual({ silentGap: 1 });
  });

  it('finds who is not back at the end', () => {
    expect(new Story().pushed(1, 2).stay(dropped(2_500), 1, 2).problems).toEqual({ away: 1 });
  });

  it('finds who is back, and not in a channel that it wants: nothing would be promised there', () => {
    const story = (back: Partial<Omit<Stay, 'got'>>) =>
      new Story().pushed(1, 5).wants('room:a').stay(dropped(2_500), 1, 2).stay({ channel: 'all' }).stay(back, 3, 4, 5);
    expect(story({ ...resumed(20, 4_500), end: 'left', closedAt: 6_000 }).problems).toEqual({ away: 1 });
    expect(story(resumed(20, 4_500)).problems).toEqual({});
  });

  it('finds clients that do not agree about an offset', () => {
    const story = new Story().pushed(1, 3).witness().stay({}, 1, { n: 2, offset: 21 }, 3);
    expect(story.problems).toEqual({ disagreement: 1 });
  });
});

describe('what is not kept', () => {
  const fleeting = { isKept: false };

  it('may be missed while away or while something is wrong, never twice', () => {
    const away = new Story().push(1).push(20, fleeting).push(60);
    expect(away.stay(dropped(2_000), 1).stay(resumed(10, 50_000), 60).problems).toEqual({});
    const wrong = new Story().push(1).push(20, fleeting).push(60).fault(19_000, 22_000);
    expect(wrong.stay({}, 1, 60).problems).toEqual({});
    const twice = new Story().push(1).push(20, fleeting).stay({}, 1, 20, 20);
    expect(twice.problems).toEqual({ twice: 1 });
  });

  it('must come to who is there while nothing is wrong', () => {
    expect(new Story().push(1).push(20, fleeting).push(60).stay({}, 1, 60).problems).toEqual({ fleetingLost: 1 });
    const live = new Story().push(20, { channels: ['room:live'] }).stay({ channel: 'room:live' });
    expect(live.problems).toEqual({ fleetingLost: 1 });
  });

  it('is also what came last before a client left: it had to come while it was there', () => {
    const story = (closedAt: number) =>
      new Story().push(1).push(20).stay({ end: 'left', closedAt }, 1).stay({ channel: 'all' });
    expect(story(26_000).problems).toEqual({ fleetingLost: 1 });
    expect(story(24_000).problems).toEqual({});
    expect(story(26_000).fault(19_000, 22_000).problems).toEqual({});
  });

  it('must not come after its time', () => {
    const story = () => new Story().push(1, { ttlMs: 1_500 }).push(60);
    expect(story().stay({}, { n: 1, at: 2_000 }, 60).problems).toEqual({});
    expect(story().stay({}, { n: 1, at: 9_000 }, 60).problems).toEqual({ late: 1 });
    expect(story().fault(500, 800).stay({}, { n: 1, at: 9_000 }, 60).problems).toEqual({});
  });
});

describe('a membership by REST', () => {
  const at = (openedAt: number) => ({ askedAt: openedAt, openedAt });

  it('holds from shortly after the answer, and from every later welcome on', () => {
    const story = new Story().membership('join', 1_000);
    story.visit(0, 20_000).visit(30_000, undefined);
    expect(story.stay({ ...dropped(20_000), ...at(1_200) }).stay(at(30_000)).problems).toEqual({});
    expect(story.verdict.memberships).toBe(2);
  });

  it('is found broken where the connection is not in the room', () => {
    const elsewhere = { channel: 'all' };
    const live = new Story().membership('join', 1_000).visit(0, undefined).stay(elsewhere);
    expect(live.problems).toEqual({ membership: 1 });
    const back = new Story().membership('join', 1_000).visit(30_000, undefined).stay(elsewhere);
    expect(back.problems).toEqual({ membership: 1 });
    const late = new Story().membership('join', 1_000).visit(30_000, undefined).stay(at(30_500));
    expect(late.problems).toEqual({ membership: 1 });
  });

  it('ends with a leave, at connections that are there and at later ones', () => {
    const moved = new Story().membership('join', 1_000).membership('leave', 10_000);
    const left = { ...at(1_200), end: 'left' as const, closedAt: 10_200 };
    const all = { channel: 'all' };
    expect(moved.visit(0, undefined).stay(left).stay(all).problems).toEqual({});
    const still = new Story().membership('leave', 10_000).visit(0, undefined);
    expect(still.stay(at(1_200)).problems).toEqual({ membership: 1 });
    const again = new Story().membership('leave', 10_000).visit(20_000, undefined);
    expect(again.stay(at(20_000)).problems).toEqual({ membership: 1 });
  });

  it('promises nothing that was not answered, was asked to be otherwise meanwhile, or that Redis lost', () => {
    const story = () => new Story().stay({ channel: 'all' }).visit(0, 8_000).visit(30_000, undefined);
    expect(story().membership('join', 1_000, true).problems).toEqual({});
    expect(story().membership('join', 1_000).membership('leave', 4_000, true).problems).toEqual({});
    expect(story().membership('join', 7_000).fault(10_000, 10_001, 'flush-redis').problems).toEqual({});
    // It may come late to who was there while a gateway hung, but not to who comes after it.
    expect(story().membership('join', 1_000).fault(0, 20_000).problems).toEqual({ membership: 1 });
  });
});

describe('a label that REST gives and takes', () => {
  const vip = { audience: { match: 5 } };

  it('opens what is for it, from the asking on and until the taking is answered', () => {
    const came = (pushedAt: number, cameAt: number) =>
      new Story()
        .push(1, { ...vip, sentAt: pushedAt, acceptedAt: pushedAt })
        .visit(0, undefined, [
          { at: 5_000, value: true },
          { at: 9_000, value: false },
        ])
        .stay({}, { n: 1, at: cameAt }).problems;
    expect(came(1_000, 4_900)).toEqual({ wrong: 1 });
    expect(came(1_000, 5_050)).toEqual({});
    expect(came(9_050, 9_080)).toEqual({});
    expect(came(9_150, 9_200)).toEqual({ wrong: 1 });
  });

  it('is owed what is for it while it surely has it', () => {
    const story = (value: boolean, isUnsure = false) =>
      new Story()
        .push(20, vip)
        .push(60)
        .visit(0, undefined, [{ at: 5_000, value, isUnsure }])
        .stay({}, 60);
    expect(story(true).problems).toEqual({ silentGap: 1 });
    expect(story(true, true).problems).toEqual({});
    expect(story(false).problems).toEqual({});
    const taken = new Story().push(20, vip).push(60).stay({}, 60);
    taken.visit(0, undefined, [
      { at: 5_000, value: true },
      { at: 40_000, value: false },
    ]);
    expect(taken.problems).toEqual({ fleetingLost: 1 });
  });

  it('counts from when it was put into a room, which it read of later', () => {
    const story = new Story().push(20, vip).stay({ askedAt: 30_000, openedAt: 30_000 }, { n: 20, at: 31_000 });
    story.visit(0, undefined, [
      { at: 5_000, value: true },
      { at: 25_000, value: false },
    ]);
    expect(story.problems).toEqual({});
  });

  it('ends with its connection', () => {
    const story = new Story().push(20, vip).stay({ askedAt: 30_000, openedAt: 30_000 }, { n: 20, at: 31_000 });
    story.visit(0, 15_000, [{ at: 5_000, value: true }]).visit(30_000, undefined);
    expect(story.problems).toEqual({ wrong: 1 });
  });
});

describe('what is pushed to a connection', () => {
  const channel = 'connection:g~0';

  it('comes once, to no other, and surely while nothing is wrong', () => {
    const what = { channels: [channel], isKept: false };
    const pushed = () => new Story().push(20, what).push(60, what);
    expect(pushed().stay({ channel }, 20, 60).problems).toEqual({});
    expect(pushed().stay({ channel }, 60).problems).toEqual({ fleetingLost: 1 });
    expect(pushed().fault(19_000, 22_000).stay({ channel }, 60).problems).toEqual({});
    expect(pushed().stay({ channel }, 20, 20, 60).problems).toEqual({ twice: 1 });
    expect(pushed().stay({ channel: 'connection:g~9' }, 20).problems).toEqual({ wrong: 1 });
  });
});
