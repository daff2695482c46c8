import type { ConnectionSeen, MembersAsked } from '@app/rpc';
import { ChannelTable } from '../room/channel-table.js';
import { FakeConnection } from '../session/connection.contract.js';
import { SessionTable } from '../session/session-table.js';
import type { Session } from '../session/session.js';
import { Enquiries } from './enquiries.js';
import { LowestFirst } from './lowest-first.js';

function setup() {
  const sessions = new SessionTable();
  sessions.identify('g', 7);
  const channels = new ChannelTable();
  const enquiries = new Enquiries(sessions, channels);
  const arrive = (user?: string, rooms: string[] = [], app = 'default'): Session => {
    const session = sessions.add(new FakeConnection());
    session.become({ app, user, device: undefined, connSeq: 0, expiresAtMs: 0 });
    session.state = 'live';
    session.connectedAtS = 1_700_000_000;
    if (user !== undefined) channels.join(session, `user:${user}`);
    for (const room of rooms) channels.join(session, `room:${room}`);
    return session;
  };
  const leave = (session: Session) => {
    session.state = 'closed';
    for (const local of channels.channelsOf(session)) channels.leave(session, local);
    sessions.remove(session);
  };
  const ask = (asked: Partial<MembersAsked> = {}) =>
    enquiries.members({
      app: 'default',
      channel: 'room:r',
      after: '',
      limit: 10,
      details: false,
      address: false,
      ...asked,
    });
  const idOf = (session: Session) => sessions.connectionIdOf(session);
  return { sessions, channels, enquiries, arrive, leave, ask, idOf };
}

const idsOf = (members: readonly ConnectionSeen[]) => members.map(({ connection }) => connection);

describe('Enquiries', () => {
  it('lists members in the order in which they came, page by page', () => {
    const { arrive, ask, idOf } = setup();
    const all = Array.from({ length: 25 }, (_, i) => idOf(arrive(`u${i}`, ['r'])));
    const first = ask();
    expect(idsOf(first.members)).toEqual(all.slice(0, 10));
    expect(first.more).toBe(true);
    const second = ask({ after: all[9]! });
    expect(idsOf(second.members)).toEqual(all.slice(10, 20));
    const last = ask({ after: all[19]! });
    expect(idsOf(last.members)).toEqual(all.slice(20));
    expect(last.more).toBe(false);
    expect(ask({ limit: 25 })).toMatchObject({ more: false });
  });

  it('lists who stays once, whoever comes and goes between the pages', () => {
    const { arrive, ask, idOf, leave } = setup();
    const sessions = Array.from({ length: 12 }, () => arrive(undefined, ['r']));
    const ids = sessions.map(idOf);
    const seen = idsOf(ask({ limit: 5 }).members);
    // One that was listed, the one that the listing stands at, and one still to come; their slots are used again.
    for (const i of [1, 4, 7]) leave(sessions[i]!);
    const late = [arrive(undefined, ['r']), arrive(undefined, ['r'])].map(idOf);
    seen.push(...idsOf(ask({ after: ids[4]! }).members));
    expect(seen).toEqual([...ids.filter((_, i) => i !== 7), ...late]);
  });

  it('starts from the first after an id of another life', () => {
    const { arrive, ask, idOf } = setup();
    const only = idOf(arrive('ann', ['r']));
    for (const after of ['g~6~zzzzzz', 'other~7~1', 'nonsense', 'g~7~!']) {
      expect(idsOf(ask({ after }).members)).toEqual([only]);
    }
  });

  it('says what was asked for, and no more', () => {
    const { arrive, ask } = setup();
    const session = arrive('ann', ['r', 'b', 'c', 'd']);
    session.labels = { platform: 'ios' };
    const plain = ask().members[0]!;
    expect(plain).toEqual({ connection: 'g~7~' + session.serial.toString(36), user: 'ann', connectedAtMs: 1.7e12 });
    expect(ask({ details: true, address: true }).members[0]).toEqual({
      ...plain,
      labels: { platform: 'ios' },
      rooms: ['b', 'c', 'd', 'r'],
      remoteAddress: session.connection.remoteAddress,
    });
    expect(ask({ channel: 'user:ann', details: true }).members[0]).toMatchObject({ rooms: ['b', 'c', 'd', 'r'] });
  });

  it('counts and lists nobody of other apps, rooms and users', () => {
    const { arrive, ask, enquiries } = setup();
    arrive('ann', ['r']);
    arrive('ann', ['r'], 'bank');
    arrive('ann', []);
    expect(ask({ channel: 'room:x' })).toEqual({ members: [], more: false });
    expect(ask({ app: 'bank' }).members).toHaveLength(1);
    const channels = ['user:ann', 'user:bob', 'room:r', 'user:ann'];
    expect(enquiries.count({ app: 'default', channels })).toEqual({ counts: [2, 0, 1, 2] });
  });
});

describe('LowestFirst', () => {
  it('keeps what sorting all would bring to the front', () => {
    const numbers = Array.from({ length: 5_000 }, (_, i) => (i * 7_919) % 5_003);
    for (const limit of [1, 2, 10, 4_999, 6_000]) {
      const lowest = new LowestFirst<number>(limit, (n) => n);
      for (const n of numbers) lowest.offer(n);
      expect(lowest.items()).toEqual(numbers.toSorted((a, b) => a - b).slice(0, limit));
    }
  });
});
