import { gatewayEntry, longLeaseMs, type OpenedRegistry } from './node-directory.contract.js';
import { nodeRef, type NodeRef } from './node-directory.js';

const user = (key: string, present = true) => ({ kind: 'user' as const, key, present });
const room = (key: string, present = true) => ({ kind: 'room' as const, key, present });

/** What every presence directory promises; run it on each of them. */
export function describePresenceDirectory(name: string, open: () => Promise<OpenedRegistry>): void {
  describe(`${name} presence directory`, () => {
    let registry: OpenedRegistry;
    beforeEach(async () => {
      registry = await open();
    });
    afterEach(() => registry.close());

    const start = async (id: string, incarnation: number): Promise<NodeRef> => {
      await registry.nodes.renew(gatewayEntry(id, incarnation), longLeaseMs);
      return nodeRef(id, incarnation);
    };
    const nodesOf = async (key: string) => (await registry.presence.lookup({ users: [key], rooms: [] })).users[0];
    const nodesOfRoom = async (key: string) => (await registry.presence.lookup({ users: [], rooms: [key] })).rooms[0];

    it('answers everything in the order asked, with all gateways', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 40);
      await registry.nodes.renew(gatewayEntry('l1', 3, { kind: 'logic' }), longLeaseMs);
      await registry.presence.apply(g1, [user('default/ann'), user('default/bob'), room('default/体育')]);
      await registry.presence.apply(g2, [user('default/ann'), room('default/b')]);

      const routes = await registry.presence.lookup({
        users: ['default/bob', 'default/nobody', 'default/ann', 'default/bob'],
        rooms: ['default/b', 'default/empty', 'default/体育', 'default/b'],
      });
      expect(routes.users).toEqual([[g1], [], [g1, g2], [g1]]);
      expect(routes.rooms).toEqual([[g2], [], [g1], [g2]]);
      expect(routes.gateways).toEqual([
        { ...gatewayEntry('g1', 1), leased: true },
        { ...gatewayEntry('g2', 40), leased: true },
      ]);
    });

    it('answers thousands of questions in the order asked', async () => {
      const [g1, g2] = [await start('g1', 1), await start('g2', 2)];
      const keys = Array.from({ length: 1_500 }, (_, n) => `default/n${n}`);
      const odd = keys.filter((_, n) => n % 2 === 1);
      await registry.presence.apply(g1, [...keys.map((key) => user(key)), ...odd.map((key) => room(key))]);
      await registry.presence.apply(g2, [...odd.map((key) => user(key)), ...keys.map((key) => room(key))]);

      const routes = await registry.presence.lookup({ users: keys, rooms: keys });
      expect(routes.users).toEqual(keys.map((_, n) => (n % 2 === 1 ? [g1, g2] : [g1])));
      expect(routes.rooms).toEqual(keys.map((_, n) => (n % 2 === 1 ? [g1, g2] : [g2])));
      expect(routes.gateways.map(({ id }) => id)).toEqual(['g1', 'g2']);
    });

    it('answers a question about nothing with the gateways', async () => {
      await start('g1', 1);
      expect(await registry.presence.lookup({ users: [], rooms: [] })).toMatchObject({
        gateways: [{ id: 'g1' }],
        users: [],
        rooms: [],
      });
    });

    it('keeps users and rooms of the same name apart, and so apps', async () => {
      const g1 = await start('g1', 1);
      await registry.presence.apply(g1, [user('default/x'), room('other/x')]);
      expect(await nodesOf('default/x')).toEqual([g1]);
      expect(await nodesOf('other/x')).toEqual([]);
      expect(await nodesOfRoom('default/x')).toEqual([]);
      expect(await nodesOfRoom('other/x')).toEqual([g1]);
    });

    it('adds and takes away one node without touching the others', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      await Promise.all([
        registry.presence.apply(g1, [user('default/ann'), room('default/a')]),
        registry.presence.apply(g2, [user('default/ann'), room('default/a')]),
      ]);
      await registry.presence.apply(g1, [user('default/ann', false), room('default/a', false)]);
      expect(await nodesOf('default/ann')).toEqual([g2]);
      expect(await nodesOfRoom('default/a')).toEqual([g2]);
      await registry.presence.apply(g2, [user('default/ann', false), room('default/a', false)]);
      expect(await nodesOf('default/ann')).toEqual([]);
      expect(await nodesOfRoom('default/a')).toEqual([]);
    });

    it('applies changes in order, and the same again without harm', async () => {
      const g1 = await start('g1', 1);
      const flicker = [
        user('default/ann'),
        user('default/ann', false),
        user('default/ann'),
        room('default/a'),
        room('default/a', false),
      ];
      await registry.presence.apply(g1, flicker);
      await registry.presence.apply(g1, flicker);
      await registry.presence.apply(g1, [user('default/never', false)]);
      await registry.presence.apply(g1, []);
      expect(await nodesOf('default/ann')).toEqual([g1]);
      expect(await nodesOfRoom('default/a')).toEqual([]);
    });

    it('takes many changes and questions at once', async () => {
      const g1 = await start('g1', 1);
      const keys = Array.from({ length: 3_000 }, (_, i) => `default/user-${i}`);
      await registry.presence.apply(
        g1,
        keys.map((key) => user(key)),
      );
      const routes = await registry.presence.lookup({ users: keys.toReversed(), rooms: [] });
      expect(routes.users.every((refs) => refs.length === 1 && refs[0] === g1)).toBe(true);
    });

    it('ignores what an earlier life of a node had written, in users and rooms', async () => {
      const old = await start('g1', 1);
      await registry.presence.apply(old, [user('default/ann'), room('default/a')]);
      const now = await start('g1', 2);
      expect(await nodesOf('default/ann')).toEqual([]);
      expect(await nodesOfRoom('default/a')).toEqual([]);
      await registry.presence.apply(now, [user('default/ann'), room('default/a')]);
      expect(await nodesOf('default/ann')).toEqual([now]);
      expect(await nodesOfRoom('default/a')).toEqual([now]);
    });

    it('ignores nodes that are gone, and removes them for good when it meets them', async () => {
      const g1 = await start('g1', 1);
      const g2 = await start('g2', 2);
      await registry.presence.apply(g1, [user('default/ann'), room('default/a')]);
      await registry.presence.apply(g2, [user('default/ann'), room('default/a')]);
      await registry.nodes.remove('gateway', 'g1', 1);
      expect(await nodesOf('default/ann')).toEqual([g2]);
      expect(await nodesOfRoom('default/a')).toEqual([g2]);
      // The removal runs behind the answer, in the order of the commands: the next round trip comes after it.
      await registry.nodes.list('gateway');
      await start('g1', 1);
      expect(await nodesOf('default/ann')).toEqual([g2]);
      expect(await nodesOfRoom('default/a')).toEqual([g2]);
    });

    it('goes on answering for a node whose lease has just run out', async () => {
      await registry.nodes.renew(gatewayEntry('g1', 1), 400);
      const g1 = nodeRef('g1', 1);
      await registry.presence.apply(g1, [user('default/ann')]);
      await registry.until(async () => (await registry.nodes.list('gateway'))[0]?.leased === false);
      const routes = await registry.presence.lookup({ users: ['default/ann'], rooms: [] });
      expect(routes).toMatchObject({ gateways: [{ id: 'g1', leased: false }], users: [[g1]] });
    });
  });
}
