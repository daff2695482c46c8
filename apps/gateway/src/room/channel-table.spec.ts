import * as fc from 'fast-check';
import { FakeConnection } from '../session/connection.contract.js';
import { Session } from '../session/session.js';
import { ChannelTable } from './channel-table.js';

const names = ['all', 'user:a', 'room:a', 'room:b', 'room:c', 'room:d', 'room:e'];

function newSession(serial: number): Session {
  const session = new Session(serial, new FakeConnection());
  session.app = 'shop';
  return session;
}

type Step = { who: number; channel: number; what: 'join' | 'leave' | 'choose' };
const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(5),
  channel: fc.nat(names.length - 1),
  what: fc.constantFrom('join' as const, 'join' as const, 'leave' as const, 'choose' as const),
});

describe('the channel table', () => {
  it('agrees with a map of sets, whoever joins, leaves and chooses types', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const present = new Set<string>();
        const table = new ChannelTable((local, isPresent) => {
          if (isPresent) present.add(local.channel);
          else present.delete(local.channel);
        });
        const sessions = Array.from({ length: 6 }, (_, i) => newSession(i + 1));
        const model = new Map<string, Set<Session>>(names.map((name) => [name, new Set()]));
        for (const { who, channel, what } of steps) {
          const session = sessions[who]!;
          const name = names[channel]!;
          const members = model.get(name)!;
          const local = table.get('shop', name);
          const did = {
            join: () => table.join(session, name).isNew,
            leave: () => local !== undefined && table.leave(session, local),
            choose: () => table.alter(session, () => (session.types = session.types ? null : [1])),
          }[what]();
          const wanted = {
            join: () => !members.has(session) && members.add(session) !== undefined,
            leave: () => members.delete(session),
            choose: () => undefined,
          }[what]();
          expect(did).toBe(wanted);
        }
        for (const [name, members] of model) {
          const local = table.get('shop', name);
          expect(new Set(local?.members)).toEqual(members);
          expect(local?.members.length ?? 0).toBe(members.size);
          expect(local?.picky ?? 0).toBe([...members].filter((member) => member.types !== null).length);
          for (const member of members) expect(local!.members[member.memberships.placeIn(local!)]).toBe(member);
          expect(present.has(name)).toBe(members.size > 0);
        }
        for (const session of sessions) {
          const mine = names.filter((name) => model.get(name)!.has(session));
          expect(
            table
              .channelsOf(session)
              .map((local) => local.channel)
              .sort(),
          ).toEqual([...mine].sort());
          expect(session.rooms).toBe(mine.filter((name) => name.startsWith('room:')).length);
        }
        expect([...table].map((local) => local.channel).sort()).toEqual([...present].sort());
        expect(table.size).toBe(present.size);
      }),
    );
  });

  it('keeps the channels of apps apart', () => {
    const table = new ChannelTable();
    const [mine, theirs] = [newSession(1), newSession(2)];
    theirs.app = 'bank';
    table.join(mine, 'all');
    table.join(theirs, 'all');
    expect(table.get('shop', 'all')!.members).toEqual([mine]);
    expect(table.get('bank', 'all')!.members).toEqual([theirs]);
  });

  it('lets members leave while its list of a session is walked', () => {
    const table = new ChannelTable();
    const session = newSession(1);
    for (const name of names) table.join(session, name);
    for (const local of table.channelsOf(session)) table.leave(session, local);
    expect(table.size).toBe(0);
    expect(session.rooms).toBe(0);
  });
});
