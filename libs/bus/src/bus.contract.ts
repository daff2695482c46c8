import {
  BusUnavailableError,
  MAX_NOTE_BYTES,
  type Bus,
  type BusEntry,
  type OwnedShard,
  type Publishing,
} from './bus.js';

/** How the suite gets at one kind of bus. */
export interface BusUnderTest {
  /** A fresh bus of 4 shards, opened and empty. */
  bus: Bus;
  /** Another process's bus over the same logs; not given where the logs live and die with their bus. */
  another?: () => Promise<Bus>;
  /** A publish of so many bytes must be refused. */
  tooManyBytes: number;
  dispose(): Promise<void>;
}

/** Remembers what was taken; `refuse` makes the next `take`s fail, `gate` makes them wait. */
export class Taking {
  readonly shards = new Map<number, OwnedShard>();
  readonly calls: { shard: OwnedShard; entries: readonly BusEntry[] }[] = [];
  refuse = 0;
  gate: Promise<void> = Promise.resolve();
  commits = true;
  private readonly watchers = new Set<() => void>();

  async take(shard: OwnedShard, entries: readonly BusEntry[]): Promise<void> {
    this.shards.set(shard.shard, shard);
    this.calls.push({ shard, entries });
    for (const watcher of this.watchers) watcher();
    await this.gate;
    if (this.refuse > 0) {
      this.refuse -= 1;
      throw new Error('not now');
    }
    if (this.commits) shard.commit(entries.at(-1)!.offset + 1);
  }

  /** What came of one shard, repeats and all. */
  values(shard: number): string[] {
    return this.calls.filter((call) => call.shard.shard === shard).flatMap((call) => call.entries.map(text));
  }

  /** Resolves as soon as `holds` is true after some `take` began. */
  async when(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
    });
  }
}

export function record(shard: number, value: string): Publishing {
  return { shard, key: `default/room:${shard}`, value: Buffer.from(value) };
}

export function text(entry: BusEntry): string {
  return entry.value.toString();
}

export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

/** The promises of the Bus port, for every backend. */
export function describeBus(name: string, open: () => Promise<BusUnderTest>): void {
  describe(`${name} bus`, () => {
    let subject: BusUnderTest;
    let bus: Bus;
    let taking: Taking;

    beforeEach(async () => {
      subject = await open();
      bus = subject.bus;
      taking = new Taking();
    });

    afterEach(async () => {
      await bus.close();
      await subject.dispose();
    });

    it('has the number of shards it was asked for, and no problem once it is open', async () => {
      expect(bus.shards).toBe(4);
      expect(await bus.problem()).toBeUndefined();
    });

    it('hands over in order what was published, with rising offsets', async () => {
      await bus.consume(taking);
      for (const value of numbers(1, 50)) await bus.publish([record(1, value)]);
      await taking.when(() => taking.values(1).length === 50);

      expect(taking.values(1)).toEqual(numbers(1, 50));
      const offsets = taking.calls.flatMap((call) => call.entries.map((entry) => entry.offset));
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(new Set(offsets).size).toBe(50);
    });

    it('keeps the order of calls that nobody waited for', async () => {
      await bus.consume(taking);
      await Promise.all(numbers(1, 300).map((value) => bus.publish([record(2, value)])));
      await taking.when(() => taking.values(2).length === 300);

      expect(taking.values(2)).toEqual(numbers(1, 300));
    });

    it('keeps the order inside a shard of records given in one call', async () => {
      await bus.consume(taking);
      await bus.publish(numbers(1, 100).map((value, i) => record(i % 2, value)));
      await taking.when(() => taking.values(0).length === 50 && taking.values(1).length === 50);

      expect(taking.values(0)).toEqual(numbers(1, 100).filter((_, i) => i % 2 === 0));
      expect(taking.values(1)).toEqual(numbers(1, 100).filter((_, i) => i % 2 === 1));
    });

    it('keeps what is published before somebody consumes', async () => {
      await bus.publish([record(3, 'early')]);
      await bus.consume(taking);
      await taking.when(() => taking.values(3).length === 1);

      expect(taking.values(3)).toEqual(['early']);
    });

    it('takes bytes as they are', async () => {
      const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await bus.consume(taking);
      await bus.publish([
        { shard: 0, key: '', value },
        { shard: 0, key: 'k', value: Buffer.alloc(0) },
      ]);
      await taking.when(() => taking.values(0).length === 2);

      const entries = taking.calls.flatMap((call) => call.entries);
      expect(Buffer.compare(entries[0]!.value, value)).toBe(0);
      expect(entries[1]!.value).toHaveLength(0);
    });

    it('hands over the key, and where a record died that is sent again', async () => {
      await bus.consume(taking);
      await bus.publish([
        { shard: 0, key: Buffer.of(0, 255), value: Buffer.from('a'), replayOf: 0 },
        { shard: 0, key: 'k', value: Buffer.from('b') },
      ]);
      await taking.when(() => taking.values(0).length === 2);

      const entries = taking.calls.flatMap((call) => call.entries);
      expect(entries.map(({ key, replayOf }) => [key?.toString('hex'), replayOf])).toEqual([
        ['00ff', 0],
        ['6b', undefined],
      ]);
    });

    it('gives a shard one call at a time, the next one with all that came meanwhile', async () => {
      const opened = gate();
      taking.gate = opened.promise;
      await bus.consume(taking);
      await bus.publish([record(0, '1')]);
      await taking.when(() => taking.calls.length === 1);
      for (const value of numbers(2, 20)) await bus.publish([record(0, value)]);
      expect(taking.calls).toHaveLength(1);
      opened.open();
      await taking.when(() => taking.values(0).length === 20);

      expect(taking.values(0)).toEqual(numbers(1, 20));
      expect(taking.calls.length).toBeLessThan(20);
    });

    it('lets one shard wait without the others', async () => {
      const slow = gate();
      const other = new Taking();
      await bus.consume({
        take: async (shard, entries) => {
          if (shard.shard === 0) await slow.promise;
          await other.take(shard, entries);
        },
      });
      await bus.publish([record(0, 'slow'), record(1, 'a')]);
      await other.when(() => other.values(1).length === 1);
      await bus.publish([record(1, 'b')]);
      await other.when(() => other.values(1).length === 2);
      expect(other.values(0)).toEqual([]);
      slow.open();
      await other.when(() => other.values(0).length === 1);
    });

    it('gives the same entries again when they were not taken, and nothing before them', async () => {
      taking.refuse = 2;
      await bus.consume(taking);
      await bus.publish([record(0, '1'), record(0, '2')]);
      await taking.when(() => taking.calls.length === 1);
      await bus.publish([record(0, '3')]);
      await taking.when(() => taking.values(0).at(-1) === '3');

      const calls = taking.calls.map((call) => call.entries.map(text));
      expect(calls[1]).toEqual(calls[0]);
      expect(calls[2]).toEqual(calls[0]);
      expect(calls.slice(2).flat()).toEqual(['1', '2', '3']);
    });

    it('keeps back what comes while a shard is paused, and goes on when resumed', async () => {
      await bus.consume(taking);
      await bus.publish([record(0, 'first')]);
      await taking.when(() => taking.values(0).length === 1);
      taking.shards.get(0)!.pause();
      await bus.publish([record(0, 'held'), record(1, 'other')]);
      await taking.when(() => taking.values(1).length === 1);
      taking.shards.get(0)!.resume();
      await taking.when(() => taking.values(0).length === 2);

      expect(taking.values(0)).toEqual(['first', 'held']);
    });

    it('says whose a shard is: the same life for all, an owner epoch, a fence that agrees', async () => {
      await bus.consume(taking);
      await bus.publish([record(0, 'a'), record(1, 'b')]);
      await taking.when(() => taking.shards.size === 2);
      const [a, b] = [taking.shards.get(0)!, taking.shards.get(1)!];

      expect(a.life).toBe(b.life);
      expect(a.life).toMatch(/\/4$/);
      expect(a.ownerEpoch).toBeGreaterThanOrEqual(1);
      expect(await a.fence()).toBe(a.ownerEpoch);
      expect(a.signal.aborted).toBe(false);
    });

    it('hands what was not committed over again when it is sought back, and then what came meanwhile', async () => {
      taking.commits = false;
      await bus.consume(taking);
      await bus.publish(numbers(1, 5).map((value) => record(0, value)));
      await taking.when(() => taking.values(0).length === 5);
      const shard = taking.shards.get(0)!;
      const offsets = taking.calls.flatMap((call) => call.entries.map((entry) => entry.offset));
      shard.commit(offsets[2]!);
      shard.seekBack();
      await bus.publish([record(0, '6')]);
      await taking.when(() => taking.values(0).at(-1) === '6');

      expect(taking.values(0)).toEqual([...numbers(1, 5), ...numbers(3, 6)]);
      const again = taking.calls.flatMap((call) => call.entries.map((entry) => entry.offset)).slice(5, 8);
      expect(again).toEqual(offsets.slice(2));
      expect(taking.shards.get(0)).toBe(shard);
      expect(await shard.fence()).toBe(shard.ownerEpoch);
    });

    it('lets the running take end before it seeks back, does not try it again, and forgets what waited', async () => {
      const opened = gate();
      taking.gate = opened.promise;
      taking.commits = false;
      taking.refuse = 1;
      await bus.consume(taking);
      await bus.publish([record(0, '1'), record(0, '2')]);
      await taking.when(() => taking.calls.length === 1);
      const first = taking.values(0).length;
      await bus.publish([record(0, '3')]);
      const shard = taking.shards.get(0)!;
      shard.seekBack();
      shard.seekBack();
      await bus.publish([record(0, '4')]);
      expect(taking.calls).toHaveLength(1);
      opened.open();
      await taking.when(() => taking.values(0).at(-1) === '4');

      expect(taking.values(0).slice(first)).toEqual(numbers(1, 4));
    });

    it('seeks back while it is paused, and goes on there when it is resumed', async () => {
      taking.commits = false;
      await bus.consume(taking);
      await bus.publish([record(0, '1')]);
      await taking.when(() => taking.values(0).length === 1);
      const shard = taking.shards.get(0)!;
      shard.pause();
      shard.seekBack();
      await bus.publish([record(0, '2'), record(1, 'other')]);
      await taking.when(() => taking.values(1).length === 1);
      expect(taking.values(0)).toEqual(['1']);
      shard.resume();
      await taking.when(() => taking.values(0).at(-1) === '2');

      expect(taking.values(0)).toEqual(['1', '1', '2']);
    });

    it('takes a note with a commit, and none that is too long', async () => {
      taking.commits = false;
      await bus.consume(taking);
      await bus.publish([record(0, 'a')]);
      await taking.when(() => taking.calls.length === 1);
      const shard = taking.shards.get(0)!;
      expect(shard.note).toBe('');
      const next = taking.calls[0]!.entries[0]!.offset + 1;
      expect(() => shard.commit(next, 'é'.repeat(MAX_NOTE_BYTES / 2 + 1))).toThrow(RangeError);
      shard.commit(next, 'é'.repeat(MAX_NOTE_BYTES / 2));
      await shard.fence();
    });

    it('refuses a shard that there is not', async () => {
      for (const shard of [-1, 4, 1.5, Number.NaN]) {
        await expect(bus.publish([record(shard, 'x')])).rejects.toThrow(RangeError);
      }
    });

    it('refuses what it cannot hold, at once and without taking part of it', async () => {
      await bus.consume(taking);
      const value = Buffer.alloc(100_000);
      const many = Array.from({ length: Math.ceil(subject.tooManyBytes / value.length) }, () => ({
        shard: 0,
        key: 'k',
        value,
      }));
      await expect(bus.publish(many)).rejects.toThrow(BusUnavailableError);
      await bus.publish([record(0, 'fits')]);
      await taking.when(() => taking.values(0).length > 0);

      expect(taking.values(0)).toEqual(['fits']);
    });

    it('is consumed once', async () => {
      await bus.consume(taking);
      await expect(bus.consume(new Taking())).rejects.toThrow('consumed already');
    });

    it('closes after the running take, as often as one likes, and refuses from then on', async () => {
      const opened = gate();
      taking.gate = opened.promise;
      await bus.consume(taking);
      await bus.publish([record(0, 'last')]);
      await taking.when(() => taking.calls.length === 1);
      const shard = taking.shards.get(0)!;
      const closing = Promise.all([bus.close(), bus.close()]);
      await expect(bus.publish([record(0, 'too late')])).rejects.toThrow(BusUnavailableError);
      expect(shard.signal.aborted).toBe(false);
      opened.open();
      await closing;
      await bus.close();

      expect(shard.signal.aborted).toBe(true);
      await expect(shard.fence()).rejects.toThrow(/over|not ours/);
      expect(await bus.problem()).toMatch(/closed/);
    });

    it('starts another owner at the committed offset, with a higher owner epoch', async () => {
      if (!subject.another) return; // such a bus ends with its process, and its records with it
      taking.commits = false;
      await bus.consume(taking);
      await bus.publish(numbers(1, 10).map((value) => record(0, value)));
      await taking.when(() => taking.values(0).length === 10);
      const shard = taking.shards.get(0)!;
      const entries = taking.calls.flatMap((call) => call.entries);
      shard.commit(entries[6]!.offset);
      shard.commit(entries[3]!.offset); // only rises
      await bus.close();

      const next = await subject.another();
      const second = new Taking();
      await next.consume(second);
      await second.when(() => second.values(0).length === 4);
      expect(second.values(0)).toEqual(numbers(7, 10));
      expect(second.shards.get(0)!.ownerEpoch).toBeGreaterThan(shard.ownerEpoch);
      expect(second.shards.get(0)!.life).toBe(shard.life);
      await next.close();
    });

    it('is a beginning until an owner has committed, or proved that it is the owner', async () => {
      taking.commits = false;
      await bus.consume(taking);
      await bus.publish([record(0, 'a'), record(0, 'b')]);
      await taking.when(() => taking.values(0).length === 2);
      expect(taking.shards.get(0)!.isBeginning).toBe(true);
      if (!subject.another) return;
      await bus.close();

      const beginnings: boolean[] = [];
      for (const act of [() => {}, (shard: OwnedShard) => shard.fence(), () => {}]) {
        const next = await subject.another();
        const later = new Taking();
        later.commits = false;
        await next.consume(later);
        await later.when(() => later.values(0).length === 2);
        beginnings.push(later.shards.get(0)!.isBeginning);
        await act(later.shards.get(0)!);
        await next.close();
      }
      expect(beginnings).toEqual([true, true, false]);
    });

    it('tells another owner what the last commit said, whoever committed since without a word', async () => {
      if (!subject.another) return;
      taking.commits = false;
      await bus.consume(taking);
      await bus.publish(numbers(1, 3).map((value) => record(0, value)));
      await taking.when(() => taking.values(0).length === 3);
      const shard = taking.shards.get(0)!;
      const offset = taking.calls[0]!.entries[0]!.offset;
      shard.commit(offset, 'one');
      shard.commit(offset, 'two'); // also without a further offset
      shard.commit(offset + 1);
      await shard.fence();
      await bus.close();

      const notes: string[] = [];
      for (const values of [['2', '3'], ['2', '3'], ['3']]) {
        const next = await subject.another();
        const later = new Taking();
        later.commits = false;
        await next.consume(later);
        await later.when(() => later.values(0).length === values.length);
        expect(later.values(0)).toEqual(values);
        notes.push(later.shards.get(0)!.note);
        if (notes.length === 2) later.shards.get(0)!.commit(offset + 2);
        await next.close();
      }
      expect(notes).toEqual(['two', 'two', 'two']);
    });
  });
}

/** A promise that somebody else opens. */
export function gate(): { promise: Promise<void>; open: () => void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
