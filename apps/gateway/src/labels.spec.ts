import * as fc from 'fast-check';
import { allChannel, compileMatch, type Labels } from '@app/protocol';
import { openRig } from './gateway-rig.contract.js';
import { LabelIndex } from './room/label-index.js';
import { compiled } from './room/expressions.js';
import { FakeConnection } from './session/connection.contract.js';
import { Session } from './session/session.js';

const key = fc.constantFrom('platform', 'lang', 'beta', 'constructor');
const value = fc.constantFrom('', 'ios', 'fr', 'x');
const labelsOf = fc.option(fc.dictionary(key, value, { maxKeys: 3 }));
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    key,
    fc.tuple(key, fc.constantFrom('ios', 'fr', 'x')).map(([k, v]) => `${k}=${v}`),
    tie('expression').map((inner) => `!(${inner})`),
    fc
      .tuple(tie('expression'), fc.constantFrom('&', '|'), tie('expression'))
      .map(([l, op, r]) => `(${l}) ${op} (${r})`),
  ),
}));

describe('the label index', () => {
  const session = () => new Session(0, new FakeConnection());

  it('finds among few all that match, whatever was said and changed before', () => {
    const change = fc.tuple(fc.nat(9), labelsOf);
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), expression, (changes, text) => {
        fc.pre(text.length <= 1_024);
        const index = new LabelIndex();
        const people = Array.from({ length: 10 }, session);
        const now = new Map<Session, Labels | null>(people.map((one) => [one, null]));
        for (const [i, labels] of changes) {
          index.change(people[i]!, now.get(people[i]!)!, labels);
          now.set(people[i]!, labels);
        }
        const among = index.among(compiled(text).expression, people.length) ?? people;
        const match = compileMatch(text)!;
        expect(among).toEqual(expect.arrayContaining(people.filter((one) => match(now.get(one)!))));
        expect(new Set(among).size).toBe(among.length);
        for (const one of people) index.change(one, now.get(one)!, null);
        expect(index).toMatchObject({ byKey: new Map() });
      }),
    );
  });

  it('walks the smallest of what must all hold, and each once of what may', () => {
    const index = new LabelIndex();
    const people = Array.from({ length: 100 }, session);
    people.forEach((one, i) =>
      index.change(one, null, { platform: i < 90 ? 'ios' : 'web', ...(i % 30 === 0 && { beta: '' }) }),
    );
    const among = (text: string) => index.among(compiled(text).expression, 100)?.length;
    expect(among('platform=ios & beta')).toBe(4);
    expect(among('beta & !platform=ios')).toBe(4);
    expect(among('platform=web | beta')).toBe(13); // one is both
    expect(among('platform=web')).toBe(10);
    expect(among('platform=linux')).toBe(0);
    expect(among('not an expression &')).toBe(0);
    expect(among('!beta')).toBeUndefined();
    expect(among('beta | !beta')).toBeUndefined();
    expect(among('platform')).toBeUndefined();
  });

  it('leaves nothing behind of who has no labels', () => {
    const index = new LabelIndex();
    index.change(session(), null, null);
    index.change(session(), null, {});
    expect(index).toMatchObject({ byKey: new Map() });
  });
});

describe('a push to labels', () => {
  const few = fc.constantFrom('platform=ios', 'beta', 'beta & platform=ios', 'beta | lang=fr', 'platform & !beta');
  const step = fc.oneof(
    fc.record({ do: fc.constant('connect' as const), labels: labelsOf }),
    fc.record({ do: fc.constant('relabel' as const), who: fc.nat(20), labels: labelsOf }),
    fc.record({ do: fc.constant('leave' as const), who: fc.nat(20) }),
    fc.record({ do: fc.constant('push' as const), match: fc.oneof(few, fc.option(expression)), keep: fc.boolean() }),
  );

  it('reaches whom a walk over everybody would reach, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
        const rig = await openRig();
        // Labels nobody pushes to, so that there is always somebody to pass over.
        const bystanders = Array.from({ length: 5 }, () => rig.connect());
        await Promise.all(bystanders.map(({ arrived }) => arrived));
        const people: { client: ReturnType<typeof rig.connect>; labels: Labels | null; meant: number[] }[] = [];
        let pushes = 0;
        for (const one of steps) {
          const person = 'who' in one ? people[one.who % Math.max(1, people.length)] : undefined;
          if (one.do === 'connect') {
            const client = rig.connect(one.labels ? { labels: one.labels } : {});
            await client.arrived;
            people.push({ client, labels: one.labels, meant: [] });
          } else if (one.do === 'relabel' && person) {
            person.labels = one.labels;
            rig.channels.alter(person.client.session, () => (person.client.session.labels = one.labels));
          } else if (one.do === 'leave' && person) {
            rig.leave(person.client.session);
            people.splice(people.indexOf(person), 1);
          } else if (one.do === 'push' && (one.match ?? '').length <= 1_024) {
            pushes += 1;
            const match = one.match === null ? () => true : compileMatch(one.match)!;
            for (const { labels, meant } of people) if (match(labels)) meant.push(pushes);
            await rig.push([allChannel], pushes, { match: one.match ?? '', retain: one.keep });
          }
        }
        for (const { client, meant } of people) expect(client.connection.pushed).toEqual(meant);
      }),
      { numRuns: 60 },
    );
  });

  it('is not lost on who is on the way in, and moves what they have seen', async () => {
    const rig = await openRig();
    const others = Array.from({ length: 3 }, () => rig.connect());
    await Promise.all(others.map(({ arrived }) => arrived));
    const phone = rig.connect({ labels: { platform: 'ios' } });
    const plain = rig.connect();
    const before = await rig.append([allChannel], 'before');
    await rig.deliver([before]);
    const only = await rig.append([allChannel], 'phones', { match: 'platform=ios' });
    await rig.deliver([only]);
    await Promise.all([phone.arrived, plain.arrived]);
    await rig.push([allChannel], 'all');
    expect(others.map(({ connection }) => connection.pushed)).toEqual(others.map(() => ['before', 'all']));
    expect(plain.connection.pushed).not.toContain('phones');
    expect(phone.connection.pushed.at(-1)).toBe('all');
    expect([phone.session.held, plain.session.held]).toEqual([null, null]);
    expect(rig.channels.get('default', allChannel)!.labels!.holding.size).toBe(0);
  });

  it('lets go of who waits for it to pass, though it is not for them', async () => {
    const rig = await openRig();
    const others = Array.from({ length: 3 }, () => rig.connect());
    await Promise.all(others.map(({ arrived }) => arrived));
    await rig.push([allChannel], 'first');
    const ahead = await rig.append([allChannel], 'phones', { match: 'platform=ios' });
    const late = rig.connect(); // has it by history, before job brings it
    await late.arrived;
    expect(late.session.held).not.toBeNull();
    await rig.deliver([ahead]);
    await rig.push([allChannel], 'phones again', { match: 'platform=ios' });
    expect(late.session.held).toBeNull();
    expect(late.connection.pushed).toEqual([]);
  });

  it('follows who says other labels, and who leaves', async () => {
    const rig = await openRig();
    const people = Array.from({ length: 4 }, () => rig.connect({ labels: { a: '1' } }));
    await Promise.all(people.map(({ arrived }) => arrived));
    const [first, second] = [people[0]!, people[1]!];
    rig.channels.alter(first.session, () => (first.session.labels = { b: '' }));
    await rig.push([allChannel], 1, { match: 'b' });
    rig.channels.alter(first.session, () => (first.session.labels = null));
    rig.channels.alter(second.session, () => (second.session.labels = { b: '' }));
    await rig.push([allChannel], 2, { match: 'b' });
    for (const { session } of people) rig.leave(session);
    expect(people.map(({ connection }) => connection.pushed)).toEqual([[1], [2], [], []]);
    expect(rig.channels.size).toBe(0);
  });
});

describe('the reach of a push', () => {
  const question = { app: 'default', type: 3, excludeUsers: [], excludeConnections: [], match: '' };
  const to = (...channels: string[]) => channels.map((channel) => ({ channel, devices: [] as string[] }));

  it('counts each connection once, and by the filters of fan-out', async () => {
    const rig = await openRig();
    const ann = rig.connect({ user: 'ann', device: 'phone', connSeq: 1, rooms: ['a', 'b'], labels: { vip: '' } });
    const bob = rig.connect({ user: 'bob', rooms: ['b'], types: [5] });
    await Promise.all([ann.arrived, bob.arrived]);
    const count = (more: Partial<Parameters<typeof rig.reach.count>[0]>) =>
      rig.reach.count({ ...question, targets: to('all'), ...more }).connections;
    expect(count({})).toBe(1);
    expect(count({ type: 5 })).toBe(2);
    expect(count({ type: 5, targets: to('room:a', 'room:b', 'user:ann', 'room:none') })).toBe(2);
    expect(count({ type: 5, excludeUsers: ['ann'] })).toBe(1);
    expect(count({ type: 5, excludeConnections: [rig.sessions.connectionIdOf(bob.session)] })).toBe(1);
    expect(count({ type: 5, match: 'vip' })).toBe(1);
    expect(count({ type: 5, match: '!vip' })).toBe(1);
    expect(count({ targets: [{ channel: 'user:ann', devices: ['phone'] }] })).toBe(1);
    expect(count({ targets: [{ channel: 'user:ann', devices: ['watch'] }] })).toBe(0);
    expect(count({ targets: to(`connection:${rig.sessions.connectionIdOf(ann.session)}`, 'connection:x') })).toBe(1);
    expect(count({ app: 'other', targets: to('all', `connection:${rig.sessions.connectionIdOf(ann.session)}`) })).toBe(
      0,
    );
    expect(ann.connection.pushed).toEqual([]);
  });
});
