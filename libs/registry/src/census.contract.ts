import type { PageWish } from './census.js';
import { gatewayEntry, longLeaseMs, type OpenedRegistry } from './node-directory.contract.js';
import { nodeRef, type NodeRef } from './node-directory.js';

/** What every census promises; run it on each of them. */
export function describeCensus(name: string, open: () => Promise<OpenedRegistry>): void {
  describe(`${name} census`, () => {
    let registry: OpenedRegistry;
    beforeEach(async () => {
      registry = await open();
    });
    afterEach(() => registry.close());

    const start = async (id: string, incarnation: number): Promise<NodeRef> => {
      await registry.nodes.renew(gatewayEntry(id, incarnation), longLeaseMs);
      return nodeRef(id, incarnation);
    };
    const hold = (node: NodeRef, keys: readonly string[], kind: 'user' | 'room' = 'room', present = true) =>
      registry.presence.apply(
        node,
        keys.map((key) => ({ kind, key, present })),
      );
    const report = (node: NodeRef, members: Record<string, number>) =>
      registry.census.report(
        node,
        Object.entries(members).map(([key, count]) => ({ key, members: count })),
      );
    const roomsOf = async (wish: Partial<PageWish> = {}, app = 'default') =>
      (await registry.census.rooms(app, { limit: 100, ...wish })).items.map(({ room, members }) => [room, members]);
    const usersOf = async (wish: Partial<PageWish> = {}, app = 'default') =>
      (await registry.census.users(app, { limit: 100, ...wish })).items;

    it('counts the first member of a room at once, and what is reported later', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      await hold(g1, ['default/a', 'default/b']);
      await hold(g2, ['default/a']);
      expect(await roomsOf()).toEqual([
        ['a', 2],
        ['b', 1],
      ]);
      expect(await report(g1, { 'default/a': 7, 'default/b': 3 })).toEqual([true, true]);
      expect(await registry.census.sizes('default', ['b', 'nowhere', 'a', 'b'])).toEqual([3, 0, 8, 3]);
      await report(g1, { 'default/a': 2 });
      expect(await registry.census.sizes('default', ['a'])).toEqual([3]);
    });

    it('takes no report of a room that the node does not hold', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      await hold(g1, ['default/a', 'default/b']);
      await hold(g1, ['default/b'], 'room', false);
      expect(await report(g1, { 'default/a': 2, 'default/b': 5, 'default/c': 5 })).toEqual([true, false, false]);
      expect(await report(g2, { 'default/a': 9 })).toEqual([false]);
      expect(await registry.census.report(g1, [])).toEqual([]);
      expect(await roomsOf()).toEqual([['a', 2]]);
    });

    it('keeps a count when the presence is written again', async () => {
      const g1 = await start('g1', 1);
      await hold(g1, ['default/a']);
      await report(g1, { 'default/a': 4 });
      await hold(g1, ['default/a']);
      expect(await roomsOf()).toEqual([['a', 4]]);
    });

    it('gives rooms page by page, in order of their names, each once', async () => {
      const g1 = await start('g1', 1);
      const names = Array.from({ length: 25 }, (_, i) => `room-${i}`);
      await hold(
        g1,
        names.map((room) => `default/${room}`),
      );
      const seen: string[] = [];
      let after: string | undefined;
      let pages = 0;
      do {
        const page = await registry.census.rooms('default', { after, limit: 10 });
        expect(page.items.length).toBeLessThanOrEqual(10);
        seen.push(...page.items.map(({ room }) => room));
        after = page.next;
        pages += 1;
      } while (after !== undefined);
      expect(seen).toEqual(names.toSorted());
      expect(pages).toBe(3);
    });

    it('goes on after a name that is gone by now', async () => {
      const g1 = await start('g1', 1);
      await hold(g1, ['default/a', 'default/c']);
      expect(await roomsOf({ after: 'b' })).toEqual([['c', 1]]);
      expect(await roomsOf({ after: 'c' })).toEqual([]);
    });

    it('finds rooms by how their names begin, of any script', async () => {
      const g1 = await start('g1', 1);
      const rooms = ['live', 'live:1', 'live:2', 'liv', 'lively', 'зал', 'за', '体育', '𠮷野', 'ﬀ', '__proto__'];
      await hold(
        g1,
        rooms.map((room) => `default/${room}`),
      );
      const named = async (prefix: string, after?: string) => (await roomsOf({ prefix, after })).map(([room]) => room);
      expect(await named('live')).toEqual(['live', 'live:1', 'live:2', 'lively']);
      expect(await named('live:')).toEqual(['live:1', 'live:2']);
      expect(await named('live', 'live:1')).toEqual(['live:2', 'lively']);
      expect(await named('live', 'a')).toEqual(['live', 'live:1', 'live:2', 'lively']);
      expect(await named('live', 'm')).toEqual([]);
      expect(await named('за')).toEqual(['за', 'зал']);
      expect(await named('𠮷')).toEqual(['𠮷野']);
      expect(await named('x')).toEqual([]);
      // By code points: U+FB00 comes before U+20BB7, though its UTF-16 comes after.
      expect(await named('')).toEqual([
        '__proto__',
        'liv',
        'live',
        'live:1',
        'live:2',
        'lively',
        'за',
        'зал',
        '体育',
        'ﬀ',
        '𠮷野',
      ]);
    });

    it('keeps apps apart', async () => {
      const g1 = await start('g1', 1);
      await hold(g1, ['default/a', 'default2/b', 'other/c']);
      await hold(g1, ['default/ann', 'other/bob'], 'user');
      expect(await roomsOf({}, 'default')).toEqual([['a', 1]]);
      expect(await roomsOf({}, 'other')).toEqual([['c', 1]]);
      expect(await roomsOf({}, 'nobody')).toEqual([]);
      expect(await registry.census.topRooms('default2', 5)).toEqual([{ room: 'b', members: 1 }]);
      expect(await registry.census.sizes('other', ['a', 'c'])).toEqual([0, 1]);
      expect(await usersOf({}, 'default')).toEqual(['ann']);
      expect(await usersOf({}, 'other')).toEqual(['bob']);
    });

    it('forgets rooms and users whose last member left', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      for (const node of [g1, g2]) {
        await hold(node, ['default/a']);
        await hold(node, ['default/ann'], 'user');
      }
      await report(g1, { 'default/a': 5 });
      await hold(g1, ['default/a'], 'room', false);
      await hold(g1, ['default/ann'], 'user', false);
      expect(await roomsOf()).toEqual([['a', 1]]);
      expect(await usersOf()).toEqual(['ann']);
      await hold(g2, ['default/a'], 'room', false);
      await hold(g2, ['default/ann'], 'user', false);
      expect(await roomsOf()).toEqual([]);
      expect(await registry.census.topRooms('default', 5)).toEqual([]);
      expect(await usersOf()).toEqual([]);
    });

    it('names the largest rooms first, of the same size by name', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      const rooms = ['a', 'b', 'c', 'd', 'e'].map((room) => `default/${room}`);
      await hold(g1, rooms);
      await hold(g2, rooms.slice(0, 2));
      await report(g1, { 'default/a': 1, 'default/b': 10, 'default/c': 6, 'default/d': 6, 'default/e': 2 });
      await report(g2, { 'default/a': 7, 'default/b': 1 });
      const top = async (limit: number) =>
        (await registry.census.topRooms('default', limit)).map(({ room, members }) => `${room}${members}`);
      expect(await top(10)).toEqual(['b11', 'a8', 'c6', 'd6', 'e2']);
      expect(await top(2)).toEqual(['b11', 'a8']);
      await report(g1, { 'default/e': 30 });
      expect(await top(2)).toEqual(['e30', 'b11']);
      await hold(g2, ['default/a'], 'room', false);
      expect(await top(5)).toEqual(['e30', 'b11', 'c6', 'd6', 'a1']);
    });

    it('counts nothing of nodes that are gone or began anew, and forgets it', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      await hold(g1, ['default/a', 'default/gone']);
      await hold(g2, ['default/a', 'default/b']);
      await report(g1, { 'default/a': 100, 'default/gone': 50 });
      await report(g2, { 'default/b': 2 });
      await hold(g1, ['default/ann', 'default/bob'], 'user');
      await hold(g2, ['default/ann'], 'user');
      await registry.nodes.remove('gateway', 'g1', 1);
      expect(await registry.census.sizes('default', ['a', 'gone', 'b'])).toEqual([1, 0, 2]);
      expect(await registry.census.topRooms('default', 1)).toEqual([{ room: 'b', members: 2 }]);
      expect(await roomsOf()).toEqual([
        ['a', 1],
        ['b', 2],
      ]);
      expect(await usersOf()).toEqual(['ann']);
      // It was removed behind the answers: were it not, this life of g1 would count again.
      await registry.nodes.list('gateway');
      await start('g1', 1);
      expect(await roomsOf()).toEqual([
        ['a', 1],
        ['b', 2],
      ]);
      expect(await usersOf()).toEqual(['ann']);
    });

    it('counts nothing of a node whose lease is over, until it renews it', async () => {
      await registry.nodes.renew(gatewayEntry('g1', 1), 300);
      await hold('g1~1', ['default/a']);
      await hold('g1~1', ['default/ann'], 'user');
      await registry.until(async () => (await registry.nodes.list('gateway'))[0]?.leased === false);
      expect([await roomsOf(), await usersOf()]).toEqual([[], []]);
      expect(await registry.census.sizes('default', ['a'])).toEqual([0]);
      await registry.nodes.renew(gatewayEntry('g1', 1), longLeaseMs);
      expect([await roomsOf(), await usersOf()]).toEqual([[['a', 1]], ['ann']]);
    });

    it('finds the largest rooms behind many that are void', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      const names = Array.from({ length: 9 }, (_, i) => `default/old-${i}`);
      await hold(g1, names);
      await report(g1, Object.fromEntries(names.map((key) => [key, 1_000])));
      await hold(g2, ['default/a', 'default/b']);
      await report(g2, { 'default/a': 3, 'default/b': 4 });
      await registry.nodes.remove('gateway', 'g1', 1);
      expect(await registry.census.topRooms('default', 3)).toEqual([
        { room: 'b', members: 4 },
        { room: 'a', members: 3 },
      ]);
    });

    it('lets a later life of a node count anew', async () => {
      const old = await start('g1', 1);
      await hold(old, ['default/a']);
      await report(old, { 'default/a': 9 });
      const now = await start('g1', 2);
      await hold(now, ['default/a']);
      expect(await roomsOf()).toEqual([['a', 1]]);
      expect(await report(old, { 'default/a': 8 })).toEqual([false]);
      expect(await report(now, { 'default/a': 2 })).toEqual([true]);
      expect(await registry.census.topRooms('default', 1)).toEqual([{ room: 'a', members: 2 }]);
    });

    it('gives users page by page, those that are void left out', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      const names = Array.from({ length: 30 }, (_, i) => `user-${String(i).padStart(2, '0')}`);
      const keys = names.map((user) => `default/${user}`);
      await hold(g1, keys.slice(0, 12), 'user');
      await hold(g2, keys.slice(12), 'user');
      await registry.nodes.remove('gateway', 'g1', 1);
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await registry.census.users('default', { after, limit: 7 });
        seen.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(names.slice(12));
    });

    it('takes thousands at once', async () => {
      const g1 = await start('g1', 1);
      const keys = Array.from({ length: 3_000 }, (_, i) => `default/r${i}`);
      await hold(g1, keys);
      const taken = await registry.census.report(
        g1,
        keys.map((key, i) => ({ key, members: i + 1 })),
      );
      expect(taken.every(Boolean)).toBe(true);
      const page = await registry.census.rooms('default', { limit: 1_000 });
      expect(page.items).toHaveLength(1_000);
      expect((await registry.census.topRooms('default', 1_000)).at(-1)).toEqual({ room: 'r2000', members: 2_001 });
      expect(await registry.census.sizes('default', ['r0', 'r2999'])).toEqual([1, 3_000]);
    });
  });
}
