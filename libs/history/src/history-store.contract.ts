import { ChannelPolicies } from './channel-policy.js';
import { notRetained } from '@app/protocol/wires';
import { isEarlierEpoch, newEpoch } from './epoch.js';
import {
  GhostOwnerError,
  HistoryLostError,
  isRetained,
  placeOf,
  type AppendRecord,
  type HistoryStore,
  type ShardOwner,
} from './history-store.js';

export interface OpenedHistory {
  store: HistoryStore;
  /** Lets time pass until `holds`. */
  until(holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

const policies = new ChannelPolicies({
  'user:': { size: 100, ttlMs: 3_600_000 },
  'room:': { size: 5, ttlMs: 3_600_000 },
  'room:short:': { size: 100, ttlMs: 60 },
  'room:ticker:': { size: 0, ttlMs: 0 },
  all: { size: 100, ttlMs: 3_600_000 },
});

const app = 'default';
let ids = 0;

/** A record with an id of its own. */
function record(offset: number, channels: string | string[], more: Partial<AppendRecord> = {}): AppendRecord {
  ids += 1;
  return {
    offset,
    app,
    id: `ID${ids}`,
    part: 0,
    retain: true,
    expiresAtMs: 0,
    targets: [channels].flat().map((channel) => ({ channel, devices: [] })),
    body: Buffer.from(`body ${offset}`),
    ...more,
  };
}

/** What every history store promises; run it on each of them. */
export function describeHistoryStore(name: string, open: (policies: ChannelPolicies) => Promise<OpenedHistory>): void {
  describe(`${name} history`, () => {
    let opened: OpenedHistory;
    let store: HistoryStore;
    let epoch: string;
    let owner: ShardOwner;
    const at = (offset: number) => ({ epoch, offset });
    const offsetsAfter = async (channel: string, offset: number) =>
      (await store.read(app, channel, at(offset))).entries.map((entry) => entry.offset);

    beforeEach(async () => {
      opened = await open(policies);
      store = opened.store;
      epoch = await store.epochOf('cluster/topic/16');
      owner = { shard: 3, epoch, ownerEpoch: 7 };
      await store.claim(owner);
    });
    afterEach(() => opened.close());

    describe('append', () => {
      it('answers the offset before, per channel and in the order of the targets', async () => {
        expect(await store.append(owner, [record(17, ['user:ann', 'room:a'])])).toEqual([[-2, -2]]);
        expect(await store.append(owner, [record(20, 'room:a'), record(23, ['room:a', 'user:ann'])])).toEqual([
          [17],
          [20, 17],
        ]);
      });

      it('keeps channels of different apps apart', async () => {
        await store.append(owner, [record(1, 'room:a')]);
        expect(await store.append(owner, [record(2, 'room:a', { app: 'other' })])).toEqual([[-2]]);
      });

      it('changes nothing when a record comes again, and gives the same answer', async () => {
        const batch = [record(1, 'room:a'), record(2, ['room:a', 'room:b'])];
        const first = await store.append(owner, batch);
        expect(await store.append(owner, batch)).toEqual(first);
        expect(await store.append(owner, batch.slice(1))).toEqual(first.slice(1));
        expect(await offsetsAfter('room:a', -1)).toEqual([1, 2]);
      });

      it('finishes a batch of which half was kept, without calling it a duplicate', async () => {
        const half = record(2, ['room:a', 'room:b']);
        await store.append(owner, [{ ...half, targets: [{ channel: 'room:a', devices: [] }] }]);
        expect(await store.append(owner, [half])).toEqual([[-2, -2]]);
        expect(await offsetsAfter('room:a', -1)).toEqual([2]);
        expect(await offsetsAfter('room:b', -1)).toEqual([2]);
      });

      it('answers the floor for a record whose entry was trimmed, so that gateways repair', async () => {
        const batch = Array.from({ length: 8 }, (_, i) => record(10 + i, 'room:a'));
        await store.append(owner, batch);
        expect(await store.append(owner, [batch[1]!])).toEqual([[12]]);
      });

      it('calls a record with a known id and part at another offset a duplicate', async () => {
        const first = record(1, ['room:a', 'room:b']);
        await store.append(owner, [first]);
        expect(await store.append(owner, [{ ...first, offset: 2 }, record(3, 'room:a')])).toEqual(['duplicate', [1]]);
        expect(await offsetsAfter('room:a', -1)).toEqual([1, 3]);
        expect(await store.append(owner, [{ ...first, offset: 4, part: 1 }])).toEqual([[3, 1]]);
      });

      it('finds a duplicate inside one batch', async () => {
        const first = record(1, 'room:a');
        expect(await store.append(owner, [first, { ...first, offset: 2 }])).toEqual([[-2], 'duplicate']);
      });

      it('remembers ids longer than their entries', async () => {
        const first = record(1, 'room:a');
        await store.append(owner, [first, ...Array.from({ length: 20 }, (_, i) => record(2 + i, 'room:a'))]);
        expect(await store.append(owner, [{ ...first, offset: 50 }])).toEqual(['duplicate']);
      });

      it('remembers a bounded number of ids', async () => {
        const first = record(1, 'user:ann');
        await store.append(owner, [first, ...Array.from({ length: 100 }, (_, i) => record(2 + i, 'user:ann'))]);
        expect(await store.append(owner, [{ ...first, offset: 200 }])).toEqual([[101]]);
      });

      it('keeps none of what is not retained, and says behind which retained one it comes', async () => {
        await store.append(owner, [record(1, 'room:a')]);
        const kept = await store.append(owner, [
          record(2, 'room:a', { retain: false }),
          record(3, ['connection:n~1~1', 'room:ticker:x', 'room:a']),
          record(4, 'room:a', { retain: false }),
        ]);
        const places = kept.map((prevs) => (prevs as readonly number[]).map(placeOf));
        const none = { prev: notRetained };
        expect(places).toEqual([[{ ...none, after: 2 }], [none, none, { prev: 1 }], [{ ...none, after: 4 }]]);
        expect((await store.tops(app, ['room:ticker:x']))[0]).toMatchObject({ offset: -1, seen: -1 });
        expect(await offsetsAfter('room:a', -1)).toEqual([1, 3]);
      });

      it('says so too when they come again, as after a hand-over, and others of the channel stand behind them', async () => {
        const fleeting = (offset: number) => record(offset, 'room:a', { retain: false });
        await store.append(owner, [record(1, 'room:a'), record(3, 'room:a'), record(5, 'room:a'), record(7, 'room:a')]);
        const again = await store.append(owner, [
          fleeting(0),
          fleeting(2),
          fleeting(4),
          fleeting(6),
          record(7, 'room:a'),
        ]);
        const places = again.map((prevs) => placeOf((prevs as readonly number[])[0]!));
        const none = { prev: notRetained };
        expect(places).toEqual([
          none,
          { ...none, after: 2 },
          { ...none, after: 4 },
          { ...none, after: 6 },
          { prev: 5 },
        ]);
      });

      it('takes offsets up to the largest safe integer', async () => {
        const large = Number.MAX_SAFE_INTEGER;
        await store.append(owner, [record(large - 2, 'room:a')]);
        expect(await store.append(owner, [record(large, 'room:a')])).toEqual([[large - 2]]);
        expect(await offsetsAfter('room:a', large - 1)).toEqual([large]);
        expect((await store.tops(app, ['room:a']))[0]!.offset).toBe(large);
      });

      it('answers an empty batch', async () => {
        expect(await store.append(owner, [])).toEqual([]);
      });
    });

    describe('owners', () => {
      it('refuses an owner that has been replaced, on channels that its successor never wrote too', async () => {
        await store.append(owner, [record(1, 'room:a')]);
        expect(await store.claim({ ...owner, ownerEpoch: 8 })).toEqual({ retainedTo: 1 });
        await expect(store.append(owner, [record(2, 'room:a')])).rejects.toBeInstanceOf(GhostOwnerError);
        await expect(store.append(owner, [record(2, 'room:new')])).rejects.toBeInstanceOf(GhostOwnerError);
        expect(await offsetsAfter('room:a', -1)).toEqual([1]);
        expect(await offsetsAfter('room:new', -1)).toEqual([]);
      });

      it('refuses it when its successor appended without a claim', async () => {
        await store.append({ ...owner, ownerEpoch: 9 }, [record(1, 'room:a')]);
        await expect(store.append(owner, [record(2, 'room:b')])).rejects.toBeInstanceOf(GhostOwnerError);
      });

      it('tells a claim that a higher owner epoch was there', async () => {
        expect(await store.claim({ ...owner, ownerEpoch: 6 })).toBe('ahead');
        expect(await store.claim(owner)).toEqual({ retainedTo: -1 });
        await store.append(owner, [record(1, 'room:a')]);
      });

      it('asks each shard apart', async () => {
        expect(await store.claim({ ...owner, shard: 4, ownerEpoch: 1 })).toEqual({ retainedTo: -1 });
        await store.append({ ...owner, shard: 4, ownerEpoch: 1 }, [record(1, 'room:a')]);
      });

      it('counts owners anew in a new epoch, and refuses the old one from then on', async () => {
        await store.append(owner, [record(5, 'room:a')]);
        const renewed = await store.renewEpoch('cluster/topic/16', epoch);
        expect(await store.claim({ ...owner, epoch: renewed, ownerEpoch: 1 })).toEqual({ retainedTo: -1 });
        await expect(store.append({ ...owner, ownerEpoch: 99 }, [record(6, 'room:a')])).rejects.toBeInstanceOf(
          GhostOwnerError,
        );
      });
    });

    describe('what it acknowledged', () => {
      const retainedTo = async () => ((await store.claim(owner)) as { retainedTo: number }).retainedTo;

      it('is known by the last offset of the last batch that was retained in all its channels', async () => {
        const batch = [record(1, ['room:a', 'room:b']), record(4, 'room:a'), record(6, 'room:c')];
        const kept = await store.append(owner, [...batch, record(9, 'room:ticker:x')]);
        expect(kept.map(isRetained)).toEqual([true, true, true, false]);
        expect(await retainedTo()).toBe(6);
        await store.append(owner, batch.slice(0, 1));
        expect(await retainedTo()).toBe(6);
        expect(await store.append(owner, [{ ...batch[0]!, offset: 11 }])).toEqual(['duplicate']);
        expect(await retainedTo()).toBe(11);
      });

      it('begins anew in a new epoch', async () => {
        await store.append(owner, [record(5, 'room:a')]);
        const epoch2 = await store.renewEpoch('cluster/topic/16', epoch);
        expect(await store.claim({ ...owner, epoch: epoch2 })).toEqual({ retainedTo: -1 });
      });

      it('is asked for before anything is appended: who was told more than the store knows is refused', async () => {
        await store.append(owner, [record(5, 'room:a')]);
        await store.append({ ...owner, retainedTo: 5 }, [record(6, 'room:a')]);
        const wiser = { ...owner, retainedTo: 7 };
        await expect(store.append(wiser, [record(8, ['room:a', 'room:b'])])).rejects.toBeInstanceOf(HistoryLostError);
        expect(await offsetsAfter('room:a', -1)).toEqual([5, 6]);
        expect(await offsetsAfter('room:b', -1)).toEqual([]);
        expect(await retainedTo()).toBe(6);
      });

      it('is nothing where nobody has claimed the shard', async () => {
        const stranger = { ...owner, shard: 9 };
        await expect(store.append(stranger, [record(1, 'room:a')])).rejects.toBeInstanceOf(HistoryLostError);
        const unheard = { ...owner, epoch: 'unheard-of' };
        await expect(store.append(unheard, [record(1, 'room:a')])).rejects.toBeInstanceOf(HistoryLostError);
        expect(await store.append(stranger, [record(1, 'room:ticker:x')])).toEqual([[-1]]);
      });

      it('can be asked about, for many shards at once', async () => {
        const other = { ...owner, shard: 4 };
        await store.claim(other);
        await store.append(owner, [record(5, 'room:a')]);
        const left = { ...owner, retainedTo: 5 };
        const remembers = (...owners: ShardOwner[]) => store.remembers('cluster/topic/16', owners);
        expect(await remembers(left, other, { ...other, retainedTo: 0 }, { ...owner, shard: 5 })).toEqual([
          true,
          true,
          false,
          false,
        ]);
        expect(await remembers()).toEqual([]);
        await store.claim({ ...other, ownerEpoch: 8 });
        expect(await remembers(left, other)).toEqual([true, false]);
        await store.renewEpoch('cluster/topic/16', epoch);
        expect(await remembers(left)).toEqual([false]);
      });

      it('waits for no replica where none is asked for', () => {
        expect(store.replicated(owner)).toBeUndefined();
      });
    });

    describe('epochs', () => {
      it('tells by the name which was made before the other', async () => {
        await opened.until(async () => isEarlierEpoch(epoch, await store.epochOf(`life ${(ids += 1)}`)));
        expect(isEarlierEpoch(epoch, epoch)).toBe(false);
      });

      it('names a life once, for everybody', async () => {
        const [a, b] = await Promise.all([store.epochOf('one'), store.epochOf('one')]);
        expect(a).toBe(b);
        expect(a).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(await store.epochOf('another')).not.toBe(a);
      });

      it('makes the epoch named last the current one', async () => {
        expect(await store.currentEpoch()).toBe(epoch);
        const other = await store.epochOf('other');
        expect(await store.currentEpoch()).toBe(other);
        await store.epochOf('cluster/topic/16');
        expect(await store.currentEpoch()).toBe(epoch);
      });

      it('is renewed by one that is not earlier than those before, though their clock was ahead', async () => {
        const noted = newEpoch(Date.now() + 3_600_000);
        const renewed = await store.renewEpoch('cluster/topic/16', epoch, noted);
        expect(isEarlierEpoch(renewed, noted)).toBe(false);
        expect(isEarlierEpoch(await store.renewEpoch('cluster/topic/16', renewed), renewed)).toBe(false);
      });

      it('renews an epoch once, whoever asks', async () => {
        const [a, b] = await Promise.all([
          store.renewEpoch('cluster/topic/16', epoch),
          store.renewEpoch('cluster/topic/16', epoch),
        ]);
        expect(a).not.toBe(epoch);
        expect(b).toBe(a);
        expect(await store.epochOf('cluster/topic/16')).toBe(a);
        expect(await store.currentEpoch()).toBe(a);
      });

      it('lets a channel begin again', async () => {
        const same = record(5, 'room:a');
        await store.append(owner, [same]);
        const renewed = await store.renewEpoch('cluster/topic/16', epoch);
        expect(await store.tops(app, ['room:a'])).toEqual([{ epoch: renewed, offset: -1, floor: -1, seen: -1 }]);
        const next = { ...owner, epoch: renewed, ownerEpoch: 1 };
        await store.claim(next);
        expect(await store.append(next, [{ ...same, offset: 0 }, record(1, 'room:a')])).toEqual([[-2], [0]]);
        const page = await store.read(app, 'room:a', at(5));
        expect(page).toMatchObject({ epoch: renewed, top: 1, recovered: false });
        expect(page.entries.map((entry) => entry.offset)).toEqual([0, 1]);
      });
    });

    describe('tops', () => {
      it('says where channels stand, in the order asked', async () => {
        await store.append(
          owner,
          [1, 2, 3, 4, 5, 6, 7].map((offset) => record(offset, 'room:a')),
        );
        await store.append(owner, [record(9, 'user:ann')]);
        expect(await store.tops(app, ['user:ann', 'room:never', 'room:a'])).toEqual([
          { epoch, offset: 9, floor: -1, seen: 9 },
          { epoch, offset: -1, floor: -1, seen: -1 },
          { epoch, offset: 7, floor: 2, seen: 7 },
        ]);
        expect(await store.tops(app, [])).toEqual([]);
      });

      it('says how far somebody can have seen, though nothing of that is retained', async () => {
        const fleeting = (offset: number) => record(offset, 'room:a', { retain: false });
        expect(await store.append(owner, [fleeting(3)])).toEqual([[notRetained]]);
        expect(await store.tops(app, ['room:a'])).toEqual([{ epoch, offset: -1, floor: -1, seen: 3 }]);
        expect(await store.read(app, 'room:a', at(3))).toEqual({ epoch, entries: [], top: -1, recovered: true });
        await store.append(owner, [record(4, 'room:a'), fleeting(6)]);
        expect(await store.tops(app, ['room:a'])).toEqual([{ epoch, offset: 4, floor: -1, seen: 6 }]);
        expect(await offsetsAfter('room:a', 3)).toEqual([4]);
        // Again, as after a hand-over: nothing goes back, and what came behind it is not what it came behind.
        expect(await store.append(owner, [fleeting(3), record(4, 'room:a')])).toEqual([[notRetained], [-2]]);
        expect(await store.tops(app, ['room:a'])).toEqual([{ epoch, offset: 4, floor: -1, seen: 6 }]);
      });
    });

    describe('read', () => {
      it('gives what came after a position, as it was appended', async () => {
        const body = Buffer.from([0, 255, 13, 10, 128]);
        const targets = [{ channel: 'user:ann', devices: ['phone', 'глаз'] }];
        await store.append(owner, [record(1, 'user:ann'), record(4, [], { targets, body }), record(6, 'user:ann')]);
        const page = await store.read(app, 'user:ann', at(1));
        expect({ ...page, entries: page.entries.map((entry) => ({ ...entry, body: [...entry.body] })) }).toEqual({
          epoch,
          top: 6,
          recovered: true,
          entries: [
            { offset: 4, prev: 1, devices: ['phone', 'глаз'], body: [...body] },
            { offset: 6, prev: 4, devices: [], body: [...Buffer.from('body 6')] },
          ],
        });
      });

      it('gives any number of entries from any place', async () => {
        await store.append(
          owner,
          Array.from({ length: 60 }, (_, i) => record(2 * i, 'user:ann')),
        );
        for (const since of [-1, 0, 1, 30, 31, 85, 86, 87, 116, 117, 118]) {
          const after = Array.from({ length: 60 }, (_, i) => 2 * i).filter((offset) => offset > since);
          expect(await offsetsAfter('user:ann', since)).toEqual(after);
        }
      });

      it('is recovered at the top, and beyond it', async () => {
        await store.append(owner, [record(3, 'room:a')]);
        expect(await store.read(app, 'room:a', at(3))).toMatchObject({ entries: [], top: 3, recovered: true });
        expect(await store.read(app, 'room:a', at(8))).toMatchObject({ entries: [], top: 3, recovered: true });
      });

      it('is recovered from the beginning as long as nothing was trimmed', async () => {
        expect(await store.read(app, 'room:a', at(-1))).toEqual({ epoch, entries: [], top: -1, recovered: true });
        await store.append(
          owner,
          [3, 4, 5, 6, 7].map((offset) => record(offset, 'room:a')),
        );
        expect(await store.read(app, 'room:a', at(-1))).toMatchObject({ recovered: true });
        await store.append(owner, [record(8, 'room:a')]);
        expect(await store.read(app, 'room:a', at(-1))).toMatchObject({ recovered: false });
      });

      it('is recovered exactly when nothing after the position was trimmed', async () => {
        await store.append(
          owner,
          [1, 2, 3, 4, 5, 6, 7].map((offset) => record(offset, 'room:a')),
        );
        expect(await store.read(app, 'room:a', at(2))).toMatchObject({ recovered: true });
        const page = await store.read(app, 'room:a', at(1));
        expect(page.recovered).toBe(false);
        expect(page.entries.map((entry) => entry.offset)).toEqual([3, 4, 5, 6, 7]);
      });

      it('does not believe a position from before the first entry it knows', async () => {
        await store.append(owner, [record(30, 'room:a')]);
        expect(await store.read(app, 'room:a', at(20))).toMatchObject({ recovered: false });
        expect(await store.read(app, 'room:b', at(20))).toMatchObject({ recovered: false });
      });

      it('gives everything held, not recovered, to a position of another epoch', async () => {
        await store.append(owner, [record(1, 'room:a'), record(2, 'room:a')]);
        const page = await store.read(app, 'room:a', { epoch: 'another', offset: 1 });
        expect(page).toMatchObject({ epoch, recovered: false });
        expect(page.entries).toHaveLength(2);
      });

      it('leaves out the oldest over a limit, and says so', async () => {
        await store.append(
          owner,
          [1, 2, 3].map((offset) => record(offset, 'room:a')),
        );
        const page = await store.read(app, 'room:a', at(-1), 2);
        expect(page.entries.map((entry) => entry.offset)).toEqual([2, 3]);
        expect(page.recovered).toBe(false);
        expect(await store.read(app, 'room:a', at(-1), 3)).toMatchObject({ recovered: true });
      });

      it('never calls a channel recovered of which nothing is kept', async () => {
        await store.append(owner, [record(1, 'room:ticker:x')]);
        expect(await store.read(app, 'room:ticker:x', at(-1))).toMatchObject({ entries: [], recovered: false });
      });

      it('leaves out messages past their own end; nobody missed those', async () => {
        await store.append(owner, [record(1, 'room:a', { expiresAtMs: 1 }), record(2, 'room:a')]);
        expect(await offsetsAfter('room:a', -1)).toEqual([2]);
        expect(await store.read(app, 'room:a', at(-1))).toMatchObject({ top: 2, recovered: true });
      });
    });

    describe('time', () => {
      it('forgets entries past the time of their policy, but not where the channel stands', async () => {
        await store.append(owner, [record(1, 'room:short:a'), record(2, 'room:short:a')]);
        await opened.until(async () => (await offsetsAfter('room:short:a', -1)).length === 0);
        expect(await store.tops(app, ['room:short:a'])).toEqual([{ epoch, offset: 2, floor: 2, seen: 2 }]);
        expect(await store.read(app, 'room:short:a', at(1))).toMatchObject({ top: 2, recovered: false });
        expect(await store.read(app, 'room:short:a', at(2))).toMatchObject({ top: 2, recovered: true });
      });

      it('goes on in order after everything was forgotten', async () => {
        const old = record(2, 'room:short:a');
        await store.append(owner, [old]);
        await opened.until(async () => (await offsetsAfter('room:short:a', -1)).length === 0);
        expect(await store.append(owner, [old, { ...old, offset: 3 }])).toEqual([[2], 'duplicate']);
        expect(await store.append(owner, [record(4, 'room:short:a')])).toEqual([[2]]);
        expect(await store.read(app, 'room:short:a', at(1))).toMatchObject({ top: 4, recovered: false });
      });
    });

    it('is probed as records are added, and nobody sees it', async () => {
      await store.append(owner, [record(1, 'room:a')]);
      await store.probe(owner);
      await store.probe(owner);
      expect(await store.append(owner, [record(2, 'room:a')])).toEqual([[1]]);
      await store.claim({ ...owner, ownerEpoch: 8 });
      await expect(store.probe(owner)).rejects.toThrow(GhostOwnerError);
    });

    it('has no problem while it is open, and may be closed twice', async () => {
      expect(await store.problem()).toBeUndefined();
      await store.close();
      await store.close();
    });
  });
}
