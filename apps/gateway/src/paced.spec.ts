import { allChannel, roomChannel } from '@app/protocol';
import { openRig, type Rig } from './gateway-rig.contract.js';

const second = 1_000;

/** A paced push, as job hands it over. */
const pace = async (rig: Rig, data: unknown, rate: number, more: Parameters<Rig['append']>[2] = {}) =>
  rig.deliver([{ ...(await rig.append([allChannel], data, more)), rate }]);

async function crowd(rig: Rig, size: number, who: Parameters<Rig['connect']>[0] = {}) {
  const people = Array.from({ length: size }, () => rig.connect(who));
  await Promise.all(people.map(({ arrived }) => arrived));
  return people;
}

/** Lets time pass, and what it brings be written. */
const pass = async (rig: Rig, ms: number) => {
  rig.clock.advance(ms);
  await rig.outboxes.afterFlush();
};

const have = (people: Awaited<ReturnType<typeof crowd>>, data: unknown) =>
  people.filter(({ connection }) => connection.pushed.includes(data)).length;

describe('a paced push', () => {
  it('is taken at once and goes out evenly', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 100);
    expect(await pace(rig, 'slow', 20)).toMatchObject({ taken: 0, gone: [] });
    expect(have(people, 'slow')).toBe(0);
    for (let seconds = 1; seconds <= 5; seconds += 1) {
      await pass(rig, second);
      expect(have(people, 'slow')).toBe(seconds * 20);
    }
    await pass(rig, 60 * second);
    for (const { connection } of people) expect(connection.pushed).toEqual(['slow']);
  });

  it('is given in steps much shorter than a second', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 100);
    await pace(rig, 'slow', 100);
    const steps: number[] = [];
    for (let step = 0; step < 10; step += 1) {
      await pass(rig, 100);
      steps.push(have(people, 'slow'));
    }
    expect(steps).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  it('holds up what is later to all, and nothing else', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10, { rooms: ['r'] });
    await pace(rig, 'slow', 5);
    await rig.push([allChannel], 'later');
    await pace(rig, 'slow too', 10);
    await rig.push([allChannel], 'last');
    await rig.push([roomChannel('r')], 'room');
    expect(have(people, 'room')).toBe(10);
    expect(have(people, 'later')).toBe(0);
    await pass(rig, second);
    expect([have(people, 'slow'), have(people, 'later')]).toEqual([5, 0]);
    await pass(rig, second);
    expect([have(people, 'slow'), have(people, 'later'), have(people, 'slow too')]).toEqual([10, 10, 0]);
    await pass(rig, second + 100);
    for (const { connection } of people)
      expect(connection.pushed).toEqual(['room', 'slow', 'later', 'slow too', 'last']);
  });

  it('passes over who has left, and counts them', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    await pace(rig, 'slow', 5);
    for (const { session } of people.slice(0, 4)) rig.leave(session);
    await pass(rig, 1_200);
    expect(have(people.slice(4), 'slow')).toBe(6);
    expect(await rig.dropped('paced', 'left')).toBe(4);
  });

  it('reaches who comes meanwhile by history only, and what is later in its place', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    await rig.push([allChannel], 'first');
    await pace(rig, 'slow', 5);
    await rig.push([allChannel], 'later');
    const since = [[allChannel, { epoch: rig.epochName, offset: 0 }]] as [string, { epoch: string; offset: number }][];
    const [plain, back] = [rig.connect(), rig.connect({ since })];
    await Promise.all([plain.arrived, back.arrived]);
    await pass(rig, 5 * second);
    await rig.push([allChannel], 'end');
    expect(plain.connection.pushed).toEqual(['end']);
    expect(back.connection.pushed).toEqual(['slow', 'later', 'end']);
    for (const { connection } of people) expect(connection.pushed).toEqual(['first', 'slow', 'later', 'end']);
    expect([plain.session.held, back.session.held]).toEqual([null, null]);
  });

  it('goes to those only whose labels match, at its rate', async () => {
    const rig = await openRig();
    const [web, ios] = [await crowd(rig, 20, { labels: { p: 'web' } }), await crowd(rig, 10, { labels: { p: 'ios' } })];
    await pace(rig, 'slow', 5, { match: 'p=ios' });
    await pass(rig, second);
    expect([have(ios, 'slow'), have(web, 'slow')]).toEqual([5, 0]);
    await pass(rig, second);
    expect([have(ios, 'slow'), have(web, 'slow')]).toEqual([10, 0]);
  });

  it('ends where it expires, and says for how many', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    await pace(rig, 'slow', 5, { expiresAtMs: rig.clock.now() + second + 1 });
    await rig.push([allChannel], 'later');
    await pass(rig, 10 * second);
    expect([have(people, 'slow'), have(people, 'later')]).toEqual([5, 10]);
    expect(await rig.dropped('paced', 'expired')).toBe(5);
  });

  it('ends when the gateway does, and counts who has not got it', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    await pace(rig, 'slow', 5);
    await rig.push([allChannel], 'later');
    await pass(rig, second);
    rig.pacing.stop();
    await pass(rig, 10 * second);
    expect([have(people, 'slow'), have(people, 'later')]).toEqual([5, 0]);
    expect(await rig.dropped('paced', 'shutdown')).toBe(5 + 1);
  });

  it('is not overtaken by what history has, when the registry had lost this node', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    await rig.push([allChannel], 'first');
    await pace(rig, 'slow', 5);
    await rig.push([allChannel], 'later');
    await rig.catchUp();
    await pass(rig, second); // and time enough for history to be read
    await pass(rig, second);
    for (const { connection } of people) expect(connection.pushed).toEqual(['first', 'slow', 'later']);
  });

  it('is given up when positions begin again', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    await pace(rig, 'slow', 5);
    await rig.push([allChannel], 'later');
    rig.epoch.adopt('another');
    await pass(rig, second);
    expect([have(people, 'slow'), have(people, 'later')]).toEqual([0, 0]);
    expect(await rig.dropped('paced', 'gap')).toBe(10 + 1);
    expect(people.map(({ connection }) => connection.closedWith)).toEqual(people.map(() => 4410));
  });

  it('is not repeated to anybody when its lane brings it again', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 10);
    const delivery = { ...(await rig.append([allChannel], 'slow')), rate: 5 };
    await rig.deliver([delivery]);
    await rig.deliver([delivery], { ownerEpoch: 2 });
    await pass(rig, 10 * second);
    for (const { connection } of people) expect(connection.pushed).toEqual(['slow']);
  });

  it('does not make good a long pause in one burst', async () => {
    const rig = await openRig();
    const people = await crowd(rig, 100);
    await pace(rig, 'slow', 10);
    // As after a second in which the event loop stood still: the timer fires once.
    rig.clock.stall(5 * second);
    await pass(rig, 50);
    expect(have(people, 'slow')).toBe(5);
  });
});
