import { CodedError } from '@app/protocol';
import { createMemoryRegistry, nodeRef, type NodeEntry } from '@app/registry';
import type { Contract, MemberOutcome, RoomChange } from '@app/rpc';
import { ManualClock, silentLog } from '@app/runtime';
import { Gateways } from '../node/gateways.js';
import { RoomService } from './room.service.js';

type Says = Record<string, MemberOutcome>;

/** Gateways that answer what they are told to for each member. */
class Answering extends Gateways {
  readonly asked: [string, RoomChange][] = [];
  says: Record<string, Says | Error> = {};

  override async ask<Q, A>(node: NodeEntry, _: Contract<Q, A>, request: Q): Promise<A> {
    const change = request as RoomChange;
    this.asked.push([node.id, change]);
    const says = this.says[node.id] ?? {};
    if (says instanceof Error) throw says;
    const outcomes = (names: string[]) => names.map((name) => says[name] ?? 'gone');
    return { connections: outcomes(change.connections), users: outcomes(change.users) } as A;
  }
}

async function cluster() {
  const clock = new ManualClock();
  const registry = createMemoryRegistry(clock);
  const gateways = new Answering(registry.nodes, '', silentLog);
  const refs = new Map<string, string>();
  for (const id of ['g1', 'g2']) {
    const incarnation = await registry.nodes.nextIncarnation('gateway', id);
    refs.set(id, nodeRef(id, incarnation));
    const loads = {
      connections: 0,
      users: 0,
      rooms: 0,
      startedAtMs: 0,
      state: 'serving',
      region: '',
      address: '',
    } as const;
    await registry.nodes.renew({ kind: 'gateway', id, incarnation, host: 'h', port: 1, ...loads }, 3_000);
  }
  const hold = (node: string, user: string) =>
    registry.presence.apply(refs.get(node)!, [{ kind: 'user', key: `default/${user}`, present: true }]);
  const at = (node: string, serial: string) => `${refs.get(node)}~${serial}`;
  const { memberships, presence } = registry;
  const rooms = new RoomService(memberships, presence, gateways, { maxTargets: 5, maxRooms: 2 });
  return { clock, registry, memberships, gateways, hold, at, rooms };
}

describe('RoomService', () => {
  it('asks each gateway for its own, and answers in the order asked', async () => {
    const { at, gateways, rooms } = await cluster();
    const [a, b] = [at('g1', 'a'), at('g2', 'b')];
    gateways.says = { g1: { [a]: 'joined' }, g2: { [b]: 'already' } };
    const members = { connections: [b, 'nonsense', a, 'g1~zz~z', b] };
    expect(await rooms.change('default', 'r', 'join', members)).toEqual([
      { connection: b, result: 'already' },
      { connection: 'nonsense', result: 'gone' },
      { connection: a, result: 'joined' },
      { connection: 'g1~zz~z', result: 'gone' },
      { connection: b, result: 'already' },
    ]);
    const change = { app: 'default', room: 'r', action: 'join', users: [] };
    expect(new Map(gateways.asked)).toEqual(
      new Map([
        ['g1', { ...change, connections: [a] }],
        ['g2', { ...change, connections: [b] }],
      ]),
    );
  });

  it.each<['join' | 'leave', boolean, MemberOutcome, MemberOutcome, MemberOutcome]>([
    ['join', false, 'already', 'gone', 'joined'],
    ['join', true, 'joined', 'already', 'joined'],
    ['join', true, 'already', 'gone', 'already'],
    ['join', false, 'full', 'gone', 'joined'],
    ['join', false, 'gone', 'gone', 'joined'],
    ['leave', true, 'absent', 'gone', 'left'],
    ['leave', false, 'absent', 'left', 'left'],
    ['leave', false, 'gone', 'absent', 'absent'],
  ])('%s of a user (kept before: %s) at two gateways: %s and %s are %s', async (action, kept, one, other, together) => {
    const { gateways, hold, memberships, rooms } = await cluster();
    if (kept) await memberships.add('default', 'r', ['u'], 9);
    await hold('g1', 'u');
    await hold('g2', 'u');
    gateways.says = { g1: { u: one }, g2: { u: other } };
    expect(await rooms.change('default', 'r', action, { users: ['u', 'nobody'] })).toEqual([
      { user: 'u', result: together },
      { user: 'nobody', result: action === 'join' ? 'joined' : 'absent' },
    ]);
    expect(gateways.asked.map(([, change]) => change.users)).toEqual([['u'], ['u']]);
    expect(await memberships.has('default', 'r', ['u', 'nobody'])).toEqual([action === 'join', action === 'join']);
  });

  it('says who is to stay in too many rooms, whom no gateway is asked about', async () => {
    const { gateways, hold, memberships, rooms } = await cluster();
    for (const room of ['a', 'b']) await memberships.add('default', room, ['u'], 9);
    await hold('g1', 'u');
    await hold('g1', 'v');
    expect(await rooms.change('default', 'r', 'join', { users: ['u', 'v', 'u'] })).toEqual([
      { user: 'u', result: 'full' },
      { user: 'v', result: 'joined' },
      { user: 'u', result: 'full' },
    ]);
    expect(gateways.asked.map(([, change]) => change.users)).toEqual([['v']]);
  });

  it('keeps before it asks, and has done nothing when the registry is away', async () => {
    const { gateways, hold, memberships, rooms, registry } = await cluster();
    await hold('g1', 'u');
    const add = memberships.add.bind(memberships);
    memberships.add = () => Promise.reject(new Error('away'));
    await expect(rooms.change('default', 'r', 'join', { users: ['u'] })).rejects.toMatchObject({ code: 'timeout' });
    expect(gateways.asked).toEqual([]);
    memberships.add = add;
    const lookup = registry.presence.lookup.bind(registry.presence);
    registry.presence.lookup = () => Promise.reject(new Error('away'));
    await expect(rooms.change('default', 'r', 'join', { users: ['u'] })).rejects.toMatchObject({ code: 'timeout' });
    registry.presence.lookup = lookup;
    gateways.says = { g1: { u: 'joined' } };
    expect(await rooms.change('default', 'r', 'join', { users: ['u'] })).toEqual([{ user: 'u', result: 'joined' }]);
    expect(await memberships.has('default', 'r', ['u'])).toEqual([true]);
  });

  it.each(['join', 'leave'] as const)(
    'ends as the store says when the opposite of a %s is done meanwhile',
    async (action) => {
      const { gateways, hold, memberships, rooms } = await cluster();
      await hold('g1', 'u');
      if (action === 'leave') await memberships.add('default', 'r', ['u'], 9);
      let isIn = action === 'leave';
      let meanwhile: Promise<unknown> | undefined;
      const ask = gateways.ask.bind(gateways);
      gateways.ask = async (node, contract, request) => {
        const change = request as unknown as RoomChange;
        // The other call overtakes this one on its way to the gateway.
        const opposite = action === 'join' ? 'leave' : 'join';
        const isFirst = meanwhile === undefined;
        meanwhile ??= rooms.change('default', 'r', opposite, { users: ['u'] });
        if (isFirst) await meanwhile;
        isIn = change.action === 'join';
        return ask(node, contract, request);
      };
      await rooms.change('default', 'r', action, { users: ['u'] });
      expect(await memberships.has('default', 'r', ['u'])).toEqual([action === 'leave']);
      expect(isIn).toBe(action === 'leave');
    },
  );

  it('takes those of a gateway whose lease is over for gone, without asking', async () => {
    const { at, clock, gateways, rooms } = await cluster();
    const connection = at('g1', 'a');
    clock.advance(3_001);
    expect(await rooms.change('default', 'r', 'join', { connections: [connection] })).toEqual([
      { connection, result: 'gone' },
    ]);
    expect(gateways.asked).toEqual([]);
  });

  it('says so when a gateway does not answer', async () => {
    const { at, gateways, rooms } = await cluster();
    gateways.says = { g1: new CodedError('timeout', 'no answer') };
    await expect(rooms.change('default', 'r', 'join', { connections: [at('g1', 'a')] })).rejects.toMatchObject({
      code: 'timeout',
    });
  });

  it('refuses too many', async () => {
    const { rooms } = await cluster();
    await expect(rooms.change('default', 'r', 'join', { users: ['a', 'b', 'c', 'd', 'e', 'f'] })).rejects.toMatchObject(
      {
        code: 'too_many_targets',
      },
    );
  });
});
