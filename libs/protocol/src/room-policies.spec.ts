import { NamePatterns } from './name-patterns.js';
import { RoomPolicies } from './room-policies.js';

const policies = RoomPolicies.parse(' shop:=webhook, staff:=token , staff:lobby=open,sys:=api,a:b=api');
const listed = NamePatterns.parse(['staff:1', 'live:*', 'sys:*', 'shop:*'])!;

describe('RoomPolicies', () => {
  it.each([
    ['live:1', undefined, 'may'],
    ['live:1', listed, 'may'],
    ['other', listed, 'may not'],
    ['staff:1', undefined, 'may not'],
    ['staff:1', listed, 'may'],
    ['staff:2', listed, 'may not'],
    ['staff:lobby', undefined, 'may'],
    ['staff:lobby2', NamePatterns.parse([]), 'may'],
    ['sys:1', listed, 'may not'],
    ['shop:1', listed, 'ask'],
    ['a:b', listed, 'may not'],
  ])('%s', (room, allowed, outcome) => {
    const judged = policies.judge(room, allowed);
    expect(typeof judged === 'object' ? 'may not' : judged).toBe(outcome);
  });

  it('has one for all others', () => {
    expect(RoomPolicies.parse('=api,lobby=open').of('x')).toBe('api');
    expect(RoomPolicies.parse('=api,lobby=open').of('lobby')).toBe('open');
    expect(RoomPolicies.parse('').of('x')).toBe('auto');
  });

  it('asks for presence where it says so, whatever else the policy is', () => {
    const some = RoomPolicies.parse('chat:=open+presence,chat:quiet=open,shop:= webhook+presence');
    const rooms = ['chat:1', 'chat:quiet', 'shop:1', 'other'];
    expect(rooms.map((room) => some.wantsPresence(room))).toEqual([true, false, true, false]);
    expect(rooms.map((room) => some.of(room))).toEqual(['open', 'open', 'webhook', 'auto']);
    expect(some.usesWebhook).toBe(true);
    expect(RoomPolicies.parse('=auto+presence').wantsPresence('any')).toBe(true);
  });

  it.each(['lobby', 'lobby=closed', 'lobby=', 'a=api b=open', 'a=+presence', 'a=open+', 'a=open+presence+presence'])(
    'refuses %j',
    (text) => {
      expect(() => RoomPolicies.parse(text)).toThrow('must list prefix=');
    },
  );
});
