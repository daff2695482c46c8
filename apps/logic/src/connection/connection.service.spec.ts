import { CodedError, parseConnectionId } from '@app/protocol';
import { createMemoryRegistry, nodeRef, type NodeEntry } from '@app/registry';
import { listMembers, type ConnectionSeen, type Contract, type Kick, type MembersAsked } from '@app/rpc';
import { ManualClock, silentLog } from '@app/runtime';
import { Gateways } from '../node/gateways.js';
import { ConnectionService } from './connection.service.js';

/** Gateways that hold so many members of every channel; those that are `away` do not answer. */
class Holding extends Gateways {
  held: Record<string, ConnectionSeen[]> = {};
  away = '';
  readonly asked: string[] = [];
  readonly kicks: [string, Kick][] = [];

  override async ask<Q, A>(node: NodeEntry, contract: Contract<Q, A>, request: Q): Promise<A> {
    this.asked.push(node.id);
    if (node.id === this.away) throw new CodedError('timeout', 'no answer');
    const held = this.held[node.id] ?? [];
    if (contract.pattern !== listMembers.pattern) {
      const kick = request as Kick;
      this.kicks.push([node.id, kick]);
      const ids = held.map(({ connection }) => connection);
      return { kicked: kick.users!.length > 0 ? ids : ids.filter((id) => kick.connections.includes(id)) } as A;
    }
    const { after, limit } = request as MembersAsked;
    const start = held.findIndex(({ connection }) => connection === after) + 1;
    return { members: held.slice(start, start + limit), more: start + limit < held.length } as A;
  }
}

async function cluster(...sizes: number[]) {
  const clock = new ManualClock();
  const registry = createMemoryRegistry(clock);
  const gateways = new Holding(registry.nodes, '', silentLog);
  const ids: string[] = [];
  for (const [i, size] of sizes.entries()) {
    const id = `g${i}`;
    const incarnation = await registry.nodes.nextIncarnation('gateway', id);
    const at = { host: 'h', port: 1, address: '', region: '', startedAtMs: 0 };
    const load = { connections: 0, users: 0, rooms: 0 };
    await registry.nodes.renew({ kind: 'gateway', id, incarnation, state: 'serving', ...at, ...load }, 3_000);
    const ref = nodeRef(id, incarnation);
    gateways.held[id] = Array.from({ length: size }, (_, n) => ({
      connection: `${ref}~${(n + 1).toString(36)}`,
      connectedAtMs: 0,
    }));
    ids.push(...gateways.held[id].map(({ connection }) => connection));
    if (size === 0) continue;
    await registry.presence.apply(ref, [
      { kind: 'room', key: 'default/r', present: true },
      { kind: 'user', key: 'default/ann', present: true },
    ]);
  }
  const service = new ConnectionService(registry.presence, gateways, false);
  const page = async (limit: number, after?: string) => {
    const { items, next } = await service.membersOf('default', 'r', limit, after);
    return { ids: items.map(({ connection }) => connection), next };
  };
  return { clock, registry, gateways, service, page, ids };
}

describe('ConnectionService', () => {
  it.each([1, 2, 3, 7, 10, 11, 40])('gathers pages of %d over all gateways, each connection once', async (limit) => {
    const { ids, page } = await cluster(4, 0, 1, 3, 1, 2);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const found = await page(limit, after);
      expect(found.ids.length).toBe(Math.min(limit, ids.length - seen.length));
      seen.push(...found.ids);
      after = found.next;
    } while (after !== undefined);
    expect(seen).toEqual(ids);
  });

  it('asks one gateway where one fills the page, and more at once where rooms are spread thinly', async () => {
    const { gateways, page } = await cluster(50, 50);
    await page(10);
    expect(gateways.asked).toEqual(['g0']);
    const thin = await cluster(...Array.from({ length: 20 }, () => 1));
    let asked = 0;
    let rounds = 0;
    const ask = thin.gateways.ask.bind(thin.gateways);
    thin.gateways.ask = (...all) => {
      if (asked === 0) setImmediate(() => ((asked = 0), (rounds += 1)));
      asked += 1;
      return ask(...all);
    };
    expect((await thin.page(100)).ids).toHaveLength(20);
    expect(thin.gateways.asked).toHaveLength(20);
    expect(rounds).toBeLessThanOrEqual(5);
  });

  it('goes on at the next gateway when that of the page before is gone or began anew', async () => {
    const { ids, page, registry } = await cluster(2, 2, 2);
    const { next } = await page(3);
    expect(next).toBe(ids[2]);
    await registry.nodes.remove('gateway', 'g1', parseConnectionId(next!)!.incarnation);
    expect((await page(10, next)).ids).toEqual(ids.slice(4));
  });

  it('says so when a gateway does not answer, and is not asked about one whose lease is over', async () => {
    const { clock, gateways, page } = await cluster(2, 2);
    gateways.away = 'g1';
    await expect(page(10)).rejects.toMatchObject({ code: 'timeout' });
    clock.advance(3_001);
    expect(await page(10)).toEqual({ ids: [], next: undefined });
  });

  it('kicks where an id says, and nobody by ids of other lives or none', async () => {
    const { gateways, ids, service } = await cluster(1, 1);
    const id = ids[1]!;
    expect(await service.kick('default', id, 'spam')).toEqual({
      kicked: 1,
      connections: [{ connection: id, result: 'kicked' }],
    });
    expect(gateways.kicks).toEqual([
      ['g1', { app: 'default', connections: [id], users: [], reason: 'spam', why: 'kicked' }],
    ]);
    const ofAnotherLife = id.replace(/~\w+~/, '~3~');
    const unknown = id.replace(/\w+$/, 'zz');
    for (const gone of [ofAnotherLife, unknown, 'g9~1~1', 'nonsense', '']) {
      expect(await service.kick('default', gone)).toEqual({
        kicked: 0,
        connections: [{ connection: gone, result: 'gone' }],
      });
    }
    expect(gateways.kicks).toHaveLength(2);
  });

  it('kicks a user wherever it is, and tells of each', async () => {
    const { gateways, ids, service } = await cluster(2, 0, 1);
    const { kicked, connections } = await service.kickUser('default', 'ann');
    expect([kicked, connections.map(({ connection }) => connection).sort()]).toEqual([3, [...ids].sort()]);
    expect(gateways.kicks.map(([node]) => node).sort()).toEqual(['g0', 'g2']);
    expect(await service.kickUser('default', 'nobody')).toEqual({ kicked: 0, connections: [] });
    expect(await service.kickUser('bank', 'ann')).toEqual({ kicked: 0, connections: [] });
  });
});
