import type { NodeEntry, NodeSeen } from './node-directory.js';
import type { Registry } from './registry.module.js';

export interface OpenedRegistry extends Registry {
  /** Lets time pass until `holds`. */
  until(holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

/** Longer than any test. */
export const longLeaseMs = 600_000;

export const gatewayEntry = (id: string, incarnation: number, more: Partial<NodeEntry> = {}): NodeEntry => ({
  kind: 'gateway',
  id,
  incarnation,
  host: '127.0.0.1',
  port: 5_000,
  address: 'ws://127.0.0.1:8888/connect',
  region: '',
  state: 'serving',
  connections: 0,
  users: 0,
  rooms: 0,
  startedAtMs: 1,
  ...more,
});

/** What every node directory promises; run it on each of them. */
export function describeNodeDirectory(name: string, open: () => Promise<OpenedRegistry>): void {
  describe(`${name} node directory`, () => {
    let registry: OpenedRegistry;
    let nodes: Registry['nodes'];
    beforeEach(async () => {
      registry = await open();
      ({ nodes } = registry);
    });
    afterEach(() => registry.close());
    const ids = async () => (await nodes.list('gateway')).map(({ id }) => id);

    it('gives each life of a node a higher number, also when many ask at once', async () => {
      const one = await nodes.nextIncarnation('gateway', 'g1');
      const others = await Promise.all([1, 2, 3].map(() => nodes.nextIncarnation('gateway', 'g1')));
      expect(one).toBeGreaterThan(0);
      expect(new Set(others).size).toBe(3);
      expect(Math.min(...others)).toBeGreaterThan(one);
    });

    it('lists what was written, by kind and in order of ids', async () => {
      const second = gatewayEntry('g2', 1, {
        region: 'eu',
        state: 'draining',
        connections: 7,
        address: 'ws://ж/connect',
      });
      await nodes.renew(second, longLeaseMs);
      await nodes.renew(gatewayEntry('g1', 2), longLeaseMs);
      await nodes.renew(gatewayEntry('l1', 3, { kind: 'logic' }), longLeaseMs);
      expect(await nodes.list('gateway')).toEqual([
        { ...gatewayEntry('g1', 2), leased: true },
        { ...second, leased: true },
      ]);
      expect((await nodes.list('logic')).map(({ id }) => id)).toEqual(['l1']);
    });

    it('says missing when the entry was not there, renewed when it was', async () => {
      expect(await nodes.renew(gatewayEntry('g1', 1), longLeaseMs)).toBe('missing');
      expect(await nodes.renew(gatewayEntry('g1', 1, { connections: 5 }), longLeaseMs)).toBe('renewed');
      expect((await nodes.list('gateway'))[0]).toMatchObject({ connections: 5 });
      await nodes.remove('gateway', 'g1', 1);
      expect(await ids()).toEqual([]);
      expect(await nodes.renew(gatewayEntry('g1', 1), longLeaseMs)).toBe('missing');
    });

    it('lets a later life take over, and tells the earlier one that it was superseded', async () => {
      await nodes.renew(gatewayEntry('g1', 4), longLeaseMs);
      expect(await nodes.renew(gatewayEntry('g1', 5), longLeaseMs)).toBe('missing');
      expect(await nodes.renew(gatewayEntry('g1', 4, { connections: 9 }), longLeaseMs)).toBe('superseded');
      expect(await nodes.list('gateway')).toEqual([{ ...gatewayEntry('g1', 5), leased: true }]);
    });

    it('does not let an earlier life remove a later one', async () => {
      await nodes.renew(gatewayEntry('g1', 5), longLeaseMs);
      await nodes.remove('gateway', 'g1', 4);
      expect(await ids()).toEqual(['g1']);
    });

    it('lists a node for a while after its lease, then forgets it', async () => {
      await nodes.renew(gatewayEntry('g1', 1), 100);
      await nodes.renew(gatewayEntry('g2', 2), longLeaseMs);
      let seen: NodeSeen[] = [];
      await registry.until(async () => {
        seen = await nodes.list('gateway');
        return seen.some(({ leased }) => !leased);
      });
      expect(seen.map(({ id, leased }) => [id, leased])).toEqual([
        ['g1', false],
        ['g2', true],
      ]);
      await registry.until(async () => (await ids()).length === 1);
      expect(await ids()).toEqual(['g2']);
    });

    it('takes a node back whose lease had run out a short while ago, which is told that it was away', async () => {
      await nodes.renew(gatewayEntry('g1', 1), 400);
      await registry.until(async () => (await nodes.list('gateway'))[0]?.leased === false);
      expect(await nodes.renew(gatewayEntry('g1', 1), longLeaseMs)).toBe('missing');
      expect(await nodes.renew(gatewayEntry('g1', 1), longLeaseMs)).toBe('renewed');
      expect(await nodes.list('gateway')).toMatchObject([{ id: 'g1', leased: true }]);
    });

    it('has no problem while it is open, and may be closed twice', async () => {
      expect(await nodes.problem()).toBeUndefined();
      await nodes.close();
      await nodes.close();
    });
  });
}
