import { createMemoryRegistry, type NodeEntry } from '@app/registry';
import { ManualClock, silentLog } from '@app/runtime';
import { Gateways } from './gateways.js';
import { NodeService } from './node.service.js';

async function nodes(...entries: Partial<NodeEntry>[]) {
  const clock = new ManualClock();
  const { nodes: directory } = createMemoryRegistry(clock);
  for (const [i, entry] of entries.entries()) {
    const id = entry.id ?? `g${i}`;
    const incarnation = await directory.nextIncarnation('gateway', id);
    await directory.renew(
      {
        kind: 'gateway',
        id,
        incarnation,
        host: 'h',
        port: 1,
        address: `ws://${id}:8888/connect`,
        region: '',
        state: 'serving',
        connections: 0,
        users: 0,
        rooms: 0,
        startedAtMs: 0,
        ...entry,
      },
      3_000,
    );
  }
  return { clock, directory, service: new NodeService(new Gateways(directory, '', silentLog)) };
}

describe('NodeService', () => {
  it('names the best gateway first: serving, of the region, with room', async () => {
    const { service } = await nodes(
      { id: 'drains', state: 'draining', region: 'eu' },
      { id: 'far', region: 'us' },
      { id: 'busy', region: 'eu', connections: 9 },
      { id: 'idle', region: 'eu', connections: 2 },
    );
    const idsOf = async (wish: { region?: string }) => (await service.best(wish)).nodes.map(({ id }) => id);
    expect(await idsOf({ region: 'eu' })).toEqual(['idle', 'busy', 'far', 'drains']);
    expect(await idsOf({})).toEqual(['far', 'idle', 'busy', 'drains']);
    expect((await service.best({})).nodes[0]).toMatchObject({ address: 'ws://far:8888/connect', region: 'us' });
  });

  it('adds up what the gateways say, without those whose lease is over', async () => {
    const { clock, service } = await nodes(
      { connections: 3, users: 2, rooms: 1 },
      { connections: 4, users: 4, rooms: 0 },
    );
    expect(await service.online()).toMatchObject({
      connections: 7,
      users: 6,
      rooms: 1,
      nodes: [{ id: 'g0' }, { id: 'g1' }],
    });
    clock.advance(3_001);
    expect(await service.online()).toEqual({ connections: 0, users: 0, rooms: 0, nodes: [] });
  });

  it('says so when the registry does not answer', async () => {
    const { directory, service } = await nodes();
    directory.list = () => Promise.reject(new Error('away'));
    await expect(service.online()).rejects.toMatchObject({ code: 'timeout' });
  });
});
