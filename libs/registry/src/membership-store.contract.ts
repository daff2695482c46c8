import type { MembershipStore } from './membership-store.js';
import { gatewayEntry, longLeaseMs, type OpenedRegistry } from './node-directory.contract.js';

/** What every membership store promises; run it on each of them. */
export function describeMembershipStore(name: string, open: () => Promise<OpenedRegistry>): void {
  describe(`${name} membership store`, () => {
    let registry: OpenedRegistry;
    let store: MembershipStore;
    beforeEach(async () => {
      registry = await open();
      store = registry.memberships;
    });
    afterEach(() => registry.close());
    const add = (room: string, users: string[], app = 'default') => store.add(app, room, users, 100);
    const roomsOf = async (user: string) => (await store.roomsOf([user]))[0];

    it('says what became of each, and changes nothing when it is done again', async () => {
      expect(await add('r', ['ann', 'bob'])).toEqual(['joined', 'joined']);
      expect(await add('r', ['cid', 'ann', 'cid'])).toEqual(['joined', 'already', 'already']);
      expect(await store.remove('default', 'r', ['ann', 'nobody', 'ann'])).toEqual(['left', 'absent', 'absent']);
      expect(await store.has('default', 'r', ['ann', 'bob', 'cid', 'nobody'])).toEqual([false, true, true, false]);
      expect(await add('r', ['ann'])).toEqual(['joined']);
    });

    it('lists the rooms of each user in order of code points', async () => {
      for (const room of ['b', '😀', 'a:1', '体育', 'a/b', 'ﬀ']) await add(room, ['ann']);
      await add('b', ['bob']);
      expect(await store.roomsOf(['default/bob', 'default/nobody', 'default/ann', 'default/bob'])).toEqual([
        ['b'],
        [],
        ['a/b', 'a:1', 'b', '体育', 'ﬀ', '😀'],
        ['b'],
      ]);
    });

    it('keeps apps apart, also where names look like those of another', async () => {
      await add('r', ['ann']);
      await add('q', ['ann', 'x/ann'], 'other');
      expect(await roomsOf('default/ann')).toEqual(['r']);
      expect(await roomsOf('other/ann')).toEqual(['q']);
      expect(await store.has('other', 'r', ['ann'])).toEqual([false]);
      expect(await store.remove('other', 'r', ['ann'])).toEqual(['absent']);
      expect((await store.members('default', 'r', { limit: 10 })).items).toEqual(['ann']);
      expect((await store.members('other', 'q', { limit: 10 })).items).toEqual(['ann', 'x/ann']);
    });

    it('has so many rooms for a user and no more, also when many ask at once', async () => {
      const rooms = Array.from({ length: 8 }, (_, i) => `r${i}`);
      const outcomes = await Promise.all(rooms.map((room) => store.add('default', room, ['ann', 'bob'], 5)));
      expect(outcomes.map(([ann]) => ann).filter((outcome) => outcome === 'full')).toHaveLength(3);
      expect(await roomsOf('default/ann')).toHaveLength(5);
      const [[first], full] = [(await roomsOf('default/ann'))!, outcomes.findIndex(([ann]) => ann === 'full')];
      expect(await store.add('default', first!, ['ann', 'cid'], 5)).toEqual(['already', 'joined']);
      await store.remove('default', first!, ['ann']);
      expect(await store.add('default', `r${full}`, ['ann'], 5)).toEqual(['joined']);
    });

    it('lists the users of a room page by page', async () => {
      await add('r', ['d', 'b', '😀', 'a', 'ﬀ']);
      const pages: string[][] = [];
      for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
        const { items, next } = await store.members('default', 'r', { after, limit: 2 });
        pages.push(items);
        after = next;
      }
      expect(pages).toEqual([['a', 'b'], ['d', 'ﬀ'], ['😀']]);
      expect(await store.members('default', 'r', { limit: 5 })).toMatchObject({ next: undefined });
      expect(await store.members('default', 'nobody here', { limit: 5 })).toEqual({ items: [], next: undefined });
    });

    it('takes thousands in one go', async () => {
      const users = Array.from({ length: 1_200 }, (_, i) => `u${i}`);
      expect(new Set(await add('r', users))).toEqual(new Set(['joined']));
      expect(await store.roomsOf(users.map((user) => `default/${user}`))).toEqual(users.map(() => ['r']));
      expect((await store.has('default', 'r', users)).every(Boolean)).toBe(true);
      expect(new Set(await store.remove('default', 'r', users))).toEqual(new Set(['left']));
      expect((await store.members('default', 'r', { limit: 5 })).items).toEqual([]);
    });

    it('has one life, whoever is put in or taken out', async () => {
      const [life, same] = await Promise.all([store.life(), store.life()]);
      await add('r', ['ann']);
      await store.remove('default', 'r', ['ann']);
      expect([same, await store.life()]).toEqual([life, life]);
      expect(life).not.toBe('');
    });

    it('asks nothing when nobody is meant', async () => {
      expect(await add('r', [])).toEqual([]);
      expect(await store.remove('default', 'r', [])).toEqual([]);
      expect(await store.has('default', 'r', [])).toEqual([]);
      expect(await store.roomsOf([])).toEqual([]);
    });

    it('outlives the nodes, their incarnations and the presence of the user', async () => {
      await registry.nodes.renew(gatewayEntry('g1', 1), longLeaseMs);
      await registry.presence.apply('g1~1', [
        { kind: 'user', key: 'default/ann', present: true },
        { kind: 'room', key: 'default/r', present: true },
      ]);
      await add('r', ['ann']);
      await registry.presence.apply('g1~1', [
        { kind: 'user', key: 'default/ann', present: false },
        { kind: 'room', key: 'default/r', present: false },
      ]);
      await registry.nodes.remove('gateway', 'g1', 1);
      expect(await roomsOf('default/ann')).toEqual(['r']);
    });
  });
}
