import type { IdempotencyLimits, IdempotencyStore, KeyUse } from './idempotency-store.js';

export interface OpenedKeys {
  store: IdempotencyStore;
  /** Lets time pass until `holds`. */
  until(this: void, holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

const hour = 3_600_000;
const use = (id: string, more: Partial<KeyUse> = {}): KeyUse => ({ id, hash: 'body', stamp: 'stamp', ...more });
const end = (id: string, answer: string, hash = 'body') => ({ id, hash, answer });

/** What every idempotency store promises; run it on each of them. */
export function describeIdempotencyStore(name: string, open: (limits: IdempotencyLimits) => Promise<OpenedKeys>): void {
  describe(`${name} idempotency keys`, () => {
    let opened: OpenedKeys | undefined;
    const openWith = async (limits: Partial<IdempotencyLimits> = {}) => {
      opened = await open({ pendingMs: hour, ttlMs: 2 * hour, ...limits });
      return opened;
    };
    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });

    it('lend the first stamp to repeats until the end, and then give the first answer', async () => {
      const { store } = await openWith();
      expect(await store.begin([use('k', { stamp: 'first "1" é' })])).toEqual([{ state: 'begun' }]);
      expect(await store.begin([use('k', { stamp: 'second' })])).toEqual([{ state: 'pending', stamp: 'first "1" é' }]);
      expect(await store.end([end('k', '{"id":"é"}')])).toEqual(['{"id":"é"}']);
      expect(await store.begin([use('k', { stamp: 'third' })])).toEqual([{ state: 'done', answer: '{"id":"é"}' }]);
    });

    it('let the first answer stand', async () => {
      const { store } = await openWith();
      await store.begin([use('k'), use('k')]);
      expect(await store.end([end('k', 'first')])).toEqual(['first']);
      expect(await store.end([end('k', 'second')])).toEqual(['first']);
    });

    it('find another body, before and after the end, and are not changed by it', async () => {
      const { store } = await openWith();
      await store.begin([use('k', { stamp: 'ours' })]);
      expect(await store.begin([use('k', { hash: 'other' })])).toEqual([{ state: 'conflict' }]);
      expect(await store.begin([use('k')])).toEqual([{ state: 'pending', stamp: 'ours' }]);
      await store.end([end('k', 'done')]);
      expect(await store.begin([use('k', { hash: 'other' })])).toEqual([{ state: 'conflict' }]);
      expect(await store.end([end('k', 'theirs', 'other')])).toEqual(['theirs']);
      expect(await store.begin([use('k')])).toEqual([{ state: 'done', answer: 'done' }]);
    });

    it('are found by each other in one call, in order', async () => {
      const { store } = await openWith();
      const uses = [use('k', { stamp: '1' }), use('l'), use('k', { stamp: '2' }), use('k', { hash: 'other' })];
      expect(await store.begin(uses)).toEqual([
        { state: 'begun' },
        { state: 'begun' },
        { state: 'pending', stamp: '1' },
        { state: 'conflict' },
      ]);
      expect(await store.end([end('l', 'L'), end('k', 'K'), end('k', 'again')])).toEqual(['L', 'K', 'K']);
      expect(await store.begin([])).toEqual([]);
      expect(await store.end([])).toEqual([]);
    });

    it('let exactly one of many at once begin', async () => {
      const { store } = await openWith();
      const found = await Promise.all(Array.from({ length: 20 }, (_, n) => store.begin([use('k', { stamp: `${n}` })])));
      expect(found.flat().filter(({ state }) => state === 'begun')).toHaveLength(1);
      const first = found.findIndex(([one]) => one!.state === 'begun');
      const others = found.flat().filter((_, n) => n !== first);
      expect(others).toEqual(others.map(() => ({ state: 'pending', stamp: `${first}` })));
    });

    it('take a new stamp when a use did not end in time, and still know the body', async () => {
      const { store, until } = await openWith({ pendingMs: 50 });
      await store.begin([use('k', { stamp: 'old' })]);
      await until(async () => {
        const [found] = await store.begin([use('k', { stamp: 'new' })]);
        return found!.state === 'begun';
      });
      expect(await store.begin([use('k', { hash: 'other' })])).toEqual([{ state: 'conflict' }]);
      expect(await store.end([end('k', 'late')])).toEqual(['late']);
      expect(await store.begin([use('k')])).toEqual([{ state: 'done', answer: 'late' }]);
    });

    it('are forgotten after their time, with their body', async () => {
      const { store, until } = await openWith({ pendingMs: 1, ttlMs: 100 });
      await store.begin([use('k')]);
      await store.end([end('k', 'done')]);
      await until(async () => (await store.begin([use('k', { hash: 'other' })]))[0]!.state === 'begun');
    });

    it('remember an end whose beginning was lost', async () => {
      const { store } = await openWith();
      expect(await store.end([end('k', 'done')])).toEqual(['done']);
      expect(await store.begin([use('k')])).toEqual([{ state: 'done', answer: 'done' }]);
      expect(await store.begin([use('k', { hash: 'other' })])).toEqual([{ state: 'conflict' }]);
    });
  });
}
