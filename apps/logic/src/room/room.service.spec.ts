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
  return { clock, gateways, hold, at, rooms: new RoomService(registry.presence, gateways, 5) };
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

  it.each<['join' | 'leave', MemberOutcome, MemberOutcome, MemberOutcome]>([
    ['join', 'joined', 'already', 'joined'],
    ['join', 'already', 'gone', 'already'],
    ['join', 'full', 'gone', 'full'],
    ['join', 'gone', 'gone', 'gone'],
    ['leave', 'absent', 'left', 'left'],
    ['leave', 'gone', 'absent', 'absent'],
  ])('%s of a user at two gateways: %s and %s are %s', async (action, one, other, together) => {
    const { gateways, hold, rooms } = await cluster();
    await hold('g1', 'u');
    await hold('g2', 'u');
    gateways.says = { g1: { u: one }, g2: { u: other } };
    expect(await rooms.change('default', 'r', action, { users: ['u', 'nobody'] })).toEqual([
      { user: 'u', result: together },
      { user: 'nobody', result: 'gone' },
    ]);
    expect(gateways.asked.map(([, change]) => change.users)).toEqual([['u'], ['u']]);
  });

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
