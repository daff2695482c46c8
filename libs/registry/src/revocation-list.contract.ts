import type { OpenedRegistry } from './node-directory.contract.js';
import type { Revocation, RevocationList } from './revocation-list.js';

/** What every list of revocations promises; run it on each of them. `nowMs`: what the registry takes for now. */
export function describeRevocationList(
  name: string,
  open: () => Promise<OpenedRegistry>,
  nowMs: () => number = Date.now,
): void {
  describe(`${name} revocation list`, () => {
    let registry: OpenedRegistry;
    let list: RevocationList;
    let untilMs: number;
    beforeEach(async () => {
      registry = await open();
      list = registry.revocations;
      untilMs = nowMs() + 3_600_000;
    });
    afterEach(() => registry.close());
    const token = (id: string, app = 'default'): Revocation => ({ kind: 'token', app, id, untilMs });
    const user = (of: string, beforeMs: number): Revocation => ({
      kind: 'user',
      app: 'default',
      user: of,
      beforeMs,
      untilMs,
    });

    it('is empty at first', async () => {
      expect(await list.read(0, 10)).toEqual({ revocations: [], last: 0, more: false });
    });

    it('tells what was revoked in the order in which it was, page by page, and what is new after', async () => {
      const made = [token('t1'), user('ann', 5), token('t:2/ü', 'shop'), user('t1', 7)];
      for (const revocation of made) await list.add(revocation);
      const first = await list.read(0, 3);
      expect(first).toEqual({ revocations: made.slice(0, 3), last: expect.any(Number) as number, more: true });
      const second = await list.read(first.last, 3);
      expect(second).toEqual({ revocations: made.slice(3), last: expect.any(Number) as number, more: false });
      expect(await list.read(second.last, 3)).toEqual({ revocations: [], last: second.last, more: false });
      await list.add(token('t3'));
      expect((await list.read(second.last, 3)).revocations).toEqual([token('t3')]);
    });

    it('has one of each token and user, told again with the later time when it is made again', async () => {
      await list.add(user('ann', 5));
      await list.add(token('t1'));
      const { last } = await list.read(0, 10);
      await list.add({ ...user('ann', 9), untilMs: untilMs - 1_000 });
      await list.add(user('ann', 3));
      expect((await list.read(last, 10)).revocations).toEqual([user('ann', 9)]);
      expect((await list.read(0, 10)).revocations).toEqual([token('t1'), user('ann', 9)]);
    });

    it('forgets what has expired, and nothing else', async () => {
      await list.add({ ...token('old'), untilMs: nowMs() + 30 });
      await list.add(token('t1'));
      await registry.until(async () => (await list.read(0, 10)).revocations.length === 1);
      await list.add(token('t2'));
      expect((await list.read(0, 10)).revocations).toEqual([token('t1'), token('t2')]);
    });

    it('takes many at once', async () => {
      await Promise.all(Array.from({ length: 300 }, (_, i) => list.add(token(`t${i}`))));
      const seen: string[] = [];
      for (let last = 0, more = true; more;) {
        const page = await list.read(last, 70);
        seen.push(...page.revocations.map((revocation) => (revocation.kind === 'token' ? revocation.id : '')));
        ({ last, more } = page);
      }
      expect(new Set(seen).size).toBe(300);
      expect(seen.length).toBe(300);
    });
  });
}
