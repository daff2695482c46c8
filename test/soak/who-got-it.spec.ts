import { Receipts, type Follower, type Push, type Stay } from './journal.js';
import { whoGotIt } from './who-got-it.js';

const push: Push = {
  n: 1, channels: ['all'], audience: {}, variant: undefined, isKept: true, ttlMs: undefined,
  sentAt: 1_000, acceptedAt: 1_000, attempts: 1, id: 'M1',
}; // prettier-ignore

/** A connection to a gateway and what came: from, to. */
interface Line {
  gateway: number;
  from: number;
  to?: number;
  isResumed?: boolean;
  hasIt?: boolean;
}

function follower(name: string, ...lines: Line[]): Follower {
  const visits = lines.map(({ gateway, from, to }) => ({ id: name, gateway, askedAt: from, from, to, vips: [] }));
  const stays = lines.map(({ from, to, isResumed = false, hasIt = false }): Stay => {
    const got = new Receipts();
    if (hasIt) got.add(push.n, 10, Math.max(from, push.sentAt) + 5);
    const times = { askedAt: from, openedAt: from, closedAt: to, end: 'dropped' as const };
    return {
      channel: 'all',
      began: isResumed ? 'resumed' : 'fresh',
      epoch: 'e',
      base: 0,
      since: undefined,
      ...times,
      got,
    };
  });
  const person = { user: name, device: undefined, labels: {} };
  return { ...person, name, visits, stays: new Map([['all', stays]]), wants: new Set(), pauses: [], strays: [] };
}

describe('who got a push', () => {
  it('is told by gateway: the one at which all lack it lost it', () => {
    const followers = [
      follower('a', { gateway: 0, from: 0, hasIt: true }),
      follower('b', { gateway: 1, from: 0 }),
      follower('c', { gateway: 1, from: 0 }),
    ];
    expect(whoGotIt(push, 'all', followers)).toEqual([
      'at g0: came live to 1 (a), by replay to 0; was there and lacks it 0, resumed later and lacks it 0',
      'at g1: came live to 0, by replay to 0; was there and lacks it 2 (b c), resumed later and lacks it 0',
    ]);
  });

  it('tells replay from live, and names the gateway at which somebody was when it was pushed', () => {
    const followers = [
      follower('a', { gateway: 0, from: 0, to: 500 }, { gateway: 1, from: 2_000, isResumed: true, hasIt: true }),
      follower('b', { gateway: 0, from: 0, to: 500 }, { gateway: 1, from: 2_000, isResumed: true }),
      follower('c', { gateway: 0, from: 0, to: 1_500 }, { gateway: 1, from: 2_000, isResumed: true }),
    ];
    expect(whoGotIt(push, 'all', followers)).toEqual([
      'at g0: came live to 0, by replay to 0; was there and lacks it 1 (c), resumed later and lacks it 0',
      'at g1: came live to 0, by replay to 1 (a); was there and lacks it 0, resumed later and lacks it 2 (b c)',
    ]);
  });

  it('leaves out for whom it was not, and who came to the channel later', () => {
    const late = follower('c', { gateway: 0, from: 5_000, to: 6_000 }, { gateway: 0, from: 7_000, isResumed: true });
    const followers = [follower('a', { gateway: 0, from: 0 }), follower('b', { gateway: 0, from: 5_000 }), late];
    expect(whoGotIt({ ...push, audience: { excludedUsers: ['a'] } }, 'all', followers)).toEqual([]);
  });
});
