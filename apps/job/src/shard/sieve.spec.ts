import { GhostOwnerError } from '@app/history';
import { silentLog } from '@app/runtime';
import { DeadLetters, type Death } from '../dispatch/dead-letter.js';
import { FakeShard } from './fake-shard.contract.js';
import type { ReadRecord } from './reader.js';
import { ShardRun } from './shard-run.js';
import { Sieve } from './sieve.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const wrongType = reply('WRONGTYPE Operation against a key holding the wrong kind of value');

class Noted extends DeadLetters {
  readonly deaths: Death[] = [];

  put(_run: ShardRun, death: Death): Promise<void> {
    this.deaths.push(death);
    return Promise.resolve();
  }
}

function open() {
  const dead = new Noted();
  return { run: new ShardRun(new FakeShard(), 'epoch', silentLog), dead, sieve: new Sieve(dead) };
}

const record = (offset: number): ReadRecord => ({
  app: 'default',
  id: `id-${offset}`,
  part: 0,
  retain: true,
  expiresAtMs: 0,
  speed: 0,
  body: new Uint8Array(1),
  targets: [{ channel: 'room:r', devices: [] }],
  offset,
  entry: { offset, value: Buffer.from(`value ${offset}`) },
});

const records = Array.from({ length: 9 }, (_, offset) => record(offset));

/** A step that fails as long as one of these is among its records, and notes what it took. */
function failing(culprits: readonly number[], error: Error, witness: () => Promise<unknown> = () => Promise.resolve()) {
  const taken: number[] = [];
  return {
    taken,
    what: 'history',
    witness,
    take: (some: readonly ReadRecord[]) => {
      if (some.some(({ offset }) => culprits.includes(offset))) return Promise.reject(error);
      taken.push(...some.map(({ offset }) => offset));
      return Promise.resolve(some.map(({ offset }) => offset * 10));
    },
  };
}

describe('Sieve', () => {
  it('asks once when nothing is wrong', async () => {
    const { run, dead, sieve } = open();
    const step = failing([], wrongType);
    expect(await sieve.pass(run, records, step)).toEqual({
      records,
      answers: records.map(({ offset }) => offset * 10),
    });
    expect(step.taken).toHaveLength(records.length);
    expect(dead.deaths).toEqual([]);
  });

  it('leaves out those that fail alone, and takes the others in order', async () => {
    const { run, dead, sieve } = open();
    for (const { id, part, offset } of records) run.recentIds.isRepeat(id, part, offset);
    const step = failing([2, 7], wrongType);
    const { records: passed, answers } = await sieve.pass(run, records, step);

    expect(passed.map(({ offset }) => offset)).toEqual([0, 1, 3, 4, 5, 6, 8]);
    expect(answers).toEqual([0, 10, 30, 40, 50, 60, 80]);
    expect(step.taken).toEqual([0, 1, 3, 4, 5, 6, 8]);
    expect(dead.deaths).toEqual(
      [2, 7].map((offset) => ({
        reason: 'failing',
        error: wrongType,
        entry: records[offset]!.entry,
        messageId: `id-${offset}`,
      })),
    );
    // What is sent again is no repeat of what died.
    expect(run.recentIds.isRepeat('id-2', 0, 100)).toBe(false);
    expect(run.recentIds.isRepeat('id-3', 0, 101)).toBe(true);
  });

  it('gives up nothing while the store takes nothing else either', async () => {
    const { run, dead, sieve } = open();
    let refusals = 0;
    const step = failing([0], wrongType, () => {
      refusals += 1;
      return refusals < 2 ? Promise.reject(reply('OOM command not allowed')) : Promise.resolve();
    });
    const passing = sieve.pass(run, [record(0)], {
      ...step,
      take: (some) => (refusals === 1 ? Promise.resolve([7]) : step.take(some)),
    });
    expect((await passing).answers).toEqual([7]);
    expect(dead.deaths).toEqual([]);
  });

  it('begins to count anew when an outage comes between', async () => {
    const { run, dead, sieve } = open();
    const errors = [wrongType, wrongType, new Error('Command timed out'), wrongType, wrongType];
    let witnesses = 0;
    const { answers } = await sieve.pass(run, [record(0)], {
      what: 'history',
      witness: () => Promise.resolve((witnesses += 1)),
      take: () => (errors.length > 0 ? Promise.reject(errors.shift()!) : Promise.resolve(['taken'])),
    });
    expect(answers).toEqual(['taken']);
    expect(witnesses).toBe(0);
    expect(dead.deaths).toEqual([]);
  });

  it('waits for a record that Redis refuses for want of memory, and for its whole batch', async () => {
    const { run, dead, sieve } = open();
    let left = 3;
    const step = failing([], wrongType);
    const take = (some: readonly ReadRecord[]) => (left-- > 0 ? Promise.reject(reply('OOM full')) : step.take(some));
    expect((await sieve.pass(run, records, { ...step, take })).records).toEqual(records);
    expect(step.taken).toHaveLength(records.length);
    expect(dead.deaths).toEqual([]);
  });

  it('ends with the run when a later owner has written, also when only the witness is told', async () => {
    const ghost = new GhostOwnerError('later');
    for (const step of [failing([0], ghost), failing([0], wrongType, () => Promise.reject(ghost))]) {
      const { run, dead, sieve } = open();
      await expect(sieve.pass(run, [record(0)], step)).rejects.toBe(ghost);
      expect(run.ended).toBe(true);
      expect(dead.deaths).toEqual([]);
    }
  });
});
