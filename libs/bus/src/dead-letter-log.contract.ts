import type { DeadLetterLog, DeadRecord } from './dead-letter-log.js';

/** How the suite gets at one kind of log. */
export interface DeadLetterLogUnderTest {
  log: DeadLetterLog;
  /** What another process sees; the same one where the log lives in its process. */
  another: DeadLetterLog;
  dispose(): Promise<void>;
}

const start = Date.parse('2026-01-01T00:00:00Z');

export const dead = (offset: number, more: Partial<DeadRecord> = {}): DeadRecord => ({
  source: { epoch: 'e', shard: 1, offset },
  reason: 'undecodable',
  error: 'no record',
  diedAtMs: start + offset * 1_000,
  job: 'job-1',
  key: Buffer.from('default/room:r'),
  value: Buffer.from(`value ${offset}`),
  ...more,
});

/** The promises of the DeadLetterLog port, for every backend. */
export function describeDeadLetterLog(name: string, open: () => Promise<DeadLetterLogUnderTest>): void {
  describe(`${name} dead letters`, () => {
    let subject: DeadLetterLogUnderTest;
    let log: DeadLetterLog;

    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(async () => {
      await Promise.all([log.close(), subject.another.close()]);
      await subject.dispose();
    });

    const offsets = async (from = log, query: Partial<Parameters<DeadLetterLog['list']>[0]> = {}) =>
      (await from.list({ limit: 100, ...query })).letters.map(({ source }) => source.offset);

    it('shows nothing before anything died', async () => {
      expect(await log.list({ limit: 10 })).toEqual({ letters: [], end: 0 });
    });

    it('keeps everything that was said of a record, and its bytes as they were', async () => {
      const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const record = dead(7, {
        reason: 'poison',
        error: 'ReplyError: ü 体',
        messageId: 'M1',
        value,
        key: Buffer.of(0, 255),
      });
      await log.put(record);
      await log.put(dead(8, { value: Buffer.alloc(0), key: Buffer.alloc(0) }));

      const { letters } = await subject.another.list({ limit: 10 });
      expect(letters[0]).toEqual({ ...record, place: expect.any(Number), topic: expect.any(String), isCut: false });
      expect(letters[1]).toMatchObject({ value: Buffer.alloc(0), key: Buffer.alloc(0), isCut: false });
      expect(letters[1]!.messageId).toBeUndefined();
    });

    it('lists by reason, by time and page by page, oldest first', async () => {
      for (let i = 0; i < 6; i += 1) await log.put(dead(i, { reason: i % 2 === 0 ? 'undecodable' : 'poison' }));

      expect(await offsets(subject.another)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(await offsets(log, { reason: 'poison' })).toEqual([1, 3, 5]);
      expect(await offsets(log, { reason: 'other' })).toEqual([]);
      expect(await offsets(log, { sinceMs: start + 3_000 })).toEqual([3, 4, 5]);
      const first = await log.list({ limit: 2, reason: 'poison' });
      expect(first.letters.map(({ source }) => source.offset)).toEqual([1, 3]);
      const second = await log.list({ limit: 2, reason: 'poison', after: first.next });
      expect(second.letters.map(({ source }) => source.offset)).toEqual([5]);
      expect(second.next).toBeUndefined();
    });

    it('leaves out what died after a page was asked for', async () => {
      for (let i = 0; i < 3; i += 1) await log.put(dead(i));
      const { next, end } = await log.list({ limit: 2 });
      await log.put(dead(3));

      expect(await offsets(log, { after: next!, before: end })).toEqual([2]);
      expect(await offsets(log, { after: next! })).toEqual([2, 3]);
    });

    it('lists no more what is settled, whoever asks', async () => {
      for (let i = 0; i < 4; i += 1) await log.put(dead(i));
      const { letters } = await log.list({ limit: 100 });
      await subject.another.settle([letters[1]!, letters[2]!]);
      await subject.another.settle([]);

      expect(await offsets()).toEqual([0, 3]);
      const page = await log.list({ limit: 1 });
      expect(page.letters.map(({ source }) => source.offset)).toEqual([0]);
      expect(await offsets(log, { after: page.next! })).toEqual([3]);
    });

    it('shows a record once that was put twice, and another life of the bus as another record', async () => {
      await log.put(dead(1));
      await log.put(dead(1));
      await log.put(dead(1, { source: { epoch: 'f', shard: 1, offset: 1 } }));
      await log.put(dead(1, { source: { epoch: 'e', shard: 2, offset: 1 } }));

      const { letters } = await log.list({ limit: 100 });
      expect(letters.map(({ source }) => `${source.epoch}${source.shard}`)).toEqual(['e1', 'f1', 'e2']);
      await log.settle([letters[0]!]);
      expect(await offsets()).toHaveLength(2);
    });

    it('ends a page at 8 MiB of values, after one letter at least', async () => {
      const value = Buffer.alloc(3 * 1024 * 1024, 1);
      for (let i = 0; i < 3; i += 1) await log.put(dead(i, { value }));

      const first = await log.list({ limit: 100 });
      expect(first.letters.map(({ source }) => source.offset)).toEqual([0, 1]);
      expect(await offsets(log, { after: first.next! })).toEqual([2]);
    });

    it('refuses once the one who asks has ended, or it is closed', async () => {
      await expect(log.put(dead(0), AbortSignal.abort(new Error('over')))).rejects.toThrow();
      await log.close();
      await log.close();
      await expect(log.put(dead(0))).rejects.toThrow();
    });
  });
}
