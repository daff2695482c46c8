import { createMemoryRegistry, type PresenceChange } from '@app/registry';
import { ManualClock, silentLog } from '@app/runtime';
import { until } from '../../../../test/support/until.js';
import { LocalChannel } from '../room/channel-table.js';
import { Registrar } from './registrar.js';

const ann = new LocalChannel('default/user:ann', 'default', 'user:ann');
const bob = new LocalChannel('default/user:bob', 'default', 'user:bob');
const room = new LocalChannel('default/room:r:1', 'default', 'room:r:1');

function setUp() {
  const clock = new ManualClock();
  const { presence } = createMemoryRegistry(clock);
  const writes: PresenceChange[][] = [];
  let failures = 0;
  let passing = 0;
  let gate: Promise<void> | undefined;
  const apply = presence.apply.bind(presence);
  presence.apply = async (node, changes) => {
    writes.push([...changes]);
    await gate;
    if (failures > 0 && writes.length > passing) {
      failures -= 1;
      throw new Error('the registry is away');
    }
    return apply(node, changes);
  };
  const registrar = new Registrar(presence, () => 'g1~1', clock, silentLog);
  return {
    clock,
    writes,
    registrar,
    /** So many writes fail, after the first `after`. */
    fail: (times: number, after = 0) => ([failures, passing] = [times, after]),
    hold: () => {
      const { promise, resolve } = deferred();
      gate = promise;
      return resolve;
    },
  };
}

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

describe('registrar', () => {
  it('writes what a tick brings in one go, users and rooms only', async () => {
    const { registrar, writes } = setUp();
    registrar.tell(ann, true);
    registrar.tell(new LocalChannel('default/all', 'default', 'all'), true);
    registrar.tell(room, true);
    await registrar.settled();
    expect(writes).toEqual([
      [
        { kind: 'user', key: 'default/ann', present: true },
        { kind: 'room', key: 'default/r:1', present: true },
      ],
    ]);
  });

  it('writes the latest state of each', async () => {
    const { registrar, writes } = setUp();
    registrar.tell(ann, true);
    registrar.tell(ann, false);
    await registrar.settled();
    expect(writes).toEqual([[{ kind: 'user', key: 'default/ann', present: false }]]);
  });

  it('is settled when what was told before is written, not when it is sent', async () => {
    const { registrar, hold, writes } = setUp();
    const letGo = hold();
    registrar.tell(ann, true);
    let isSettled = false;
    const settled = registrar.settled().then(() => (isSettled = true));
    await until(() => writes.length === 1);
    expect(isSettled).toBe(false);
    letGo();
    await settled;
  });

  it('has one write under way, and one for all that came meanwhile', async () => {
    const { registrar, hold, writes } = setUp();
    const letGo = hold();
    registrar.tell(ann, true);
    await until(() => writes.length === 1);
    registrar.tell(bob, true);
    registrar.tell(ann, false);
    const settled = registrar.settled();
    letGo();
    await settled;
    expect(writes.map((changes) => changes.map(({ key, present }) => `${key} ${present}`))).toEqual([
      ['default/ann true'],
      ['default/bob true', 'default/ann false'],
    ]);
  });

  it('loses nothing while the registry is away, and lets the newer state win', async () => {
    const { registrar, fail, hold, writes, clock } = setUp();
    const letGo = hold();
    fail(1);
    registrar.tell(ann, true);
    registrar.tell(bob, true);
    await until(() => writes.length === 1);
    registrar.tell(ann, false);
    letGo();
    await until(() => registrar.problem() !== undefined);
    expect(registrar.problem()).toContain('the registry is away');
    let isSettled = false;
    const settled = registrar.settled().then(() => (isSettled = true));
    await until(() => {
      clock.advance(100);
      return isSettled;
    });
    await settled;
    expect(writes.slice(1)).toEqual([
      [
        { kind: 'user', key: 'default/ann', present: false },
        { kind: 'user', key: 'default/bob', present: true },
      ],
    ]);
    expect(registrar.problem()).toBeUndefined();
  });

  it('writes everything again when asked', async () => {
    const { registrar, writes } = setUp();
    registrar.assertAll([ann, room]);
    await registrar.settled();
    expect(writes[0]!.map(({ key }) => key)).toEqual(['default/ann', 'default/r:1']);
  });

  it('is waited for no longer than asked, and keeps nothing of who gave up', async () => {
    const { registrar, fail, clock, writes } = setUp();
    fail(Infinity);
    registrar.tell(ann, true);
    const inTime = registrar.settled(10_000);
    const outcome = inTime.catch((error: Error) => error.message);
    await until(() => writes.length > 0);
    clock.advance(10_000);
    expect(await outcome).toBe('nothing was written within 10000 ms');
    fail(0);
    const written = registrar.settled(10_000);
    await until(() => {
      clock.advance(100);
      return registrar.problem() === undefined;
    });
    await expect(written).resolves.toBeUndefined();
  });

  it('writes very much in several groups, and what failed again from its group on', async () => {
    const { registrar, writes, clock, fail } = setUp();
    const many = Array.from({ length: 2_500 }, (_, n) => new LocalChannel(`default/room:${n}`, 'default', `room:${n}`));
    fail(1, 1);
    registrar.assertAll(many);
    const written = registrar.settled();
    await until(() => registrar.problem() !== undefined);
    clock.advance(1_000);
    await written;
    expect(writes.map(({ length }) => length)).toEqual([1_000, 1_000, 1_000, 500]);
    expect(writes[2]).toEqual(writes[1]);
  });

  it('has nothing to wait for when nothing was told', async () => {
    await expect(setUp().registrar.settled()).resolves.toBeUndefined();
  });
});
