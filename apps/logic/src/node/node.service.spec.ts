import { createMemoryRegistry, type NodeEntry } from '@app/registry';
import { ManualClock, parseNetworks, silentLog } from '@app/runtime';
import { Gateways } from './gateways.js';
import { NodeService } from './node.service.js';

const networks = [
  { region: 'eu', addresses: parseNetworks('10.0.0.0/8,2001:db8::/32').addresses },
  { region: 'us', addresses: parseNetworks('10.0.0.0/8,192.0.2.0/24').addresses },
];

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
  return { clock, directory, service: new NodeService(new Gateways(directory, '', silentLog), networks) };
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

  it('puts those that are full behind those with room, before those that drain, and says when to try', async () => {
    const { service } = await nodes(
      { id: 'drains', state: 'draining', region: 'eu' },
      { id: 'full', region: 'eu', connections: 10, maxConnections: 10 },
      { id: 'room', region: 'us', connections: 9, maxConnections: 10 },
      { id: 'old', region: 'us', connections: 99 },
    );
    const { nodes: found } = await service.best({ region: 'eu' });
    expect(found.map(({ id, full, retryAfterMs }) => [id, full, retryAfterMs])).toEqual([
      ['room', false, 0],
      ['old', false, 0],
      ['full', true, 5_000],
      ['drains', false, 30_000],
    ]);
  });

  it.each([
    ['10.1.2.3', undefined, 'eu'],
    ['::ffff:10.1.2.3', undefined, 'eu'],
    ['2001:db8::7', undefined, 'eu'],
    ['192.0.2.9', undefined, 'us'],
    ['10.1.2.3', 'us', 'us'],
  ])('takes a client at %s (region %s) to %s', async (ip, region, first) => {
    const { service } = await nodes({ region: 'us', connections: 5 }, { region: 'eu', connections: 5 }, { region: '' });
    expect((await service.best({ ip, ...(region && { region }) })).nodes[0]!.region).toBe(first);
  });

  it('takes a client of no known network to the one with the fewest connections', async () => {
    const { service } = await nodes({ region: 'us', connections: 5 }, { region: 'eu', connections: 6 });
    expect((await service.best({ ip: '203.0.113.7' })).nodes[0]!.region).toBe('us');
  });

  it('refuses an address where no networks are set', async () => {
    const { directory } = await nodes({});
    const service = new NodeService(new Gateways(directory, '', silentLog));
    await expect(service.best({ ip: '10.1.2.3' })).rejects.toMatchObject({ code: 'unsupported_option' });
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
