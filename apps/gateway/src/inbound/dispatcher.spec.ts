import { PacketType, pingText, type ChannelState, type Position } from '@app/protocol';
import { Metrics, silentLog } from '@app/runtime';
import type { Announce } from '../replay/replay.js';
import { ChannelTable } from '../room/channel-table.js';
import { FakeConnection } from '../session/connection.contract.js';
import { Door, type DoorRefusal, type Ticket } from '../session/door.js';
import { FrameLimits } from '../session/frame-limits.js';
import { textFrame } from '../session/frame.js';
import { Held, HeldChannel } from '../session/held.js';
import { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import { SessionTable } from '../session/session-table.js';
import { Commands } from './commands.js';
import { Dispatcher } from './dispatcher.js';
import { Early } from './early.js';
import { Farewell } from './farewell.js';
import { FrameCounts } from './frame-counts.js';
import type { Handler } from './handler.js';
import { JoinLeave } from './join-leave.js';
import { label } from './label.js';
import { refresh } from './refresh.js';

class FakeDoor extends Door {
  answer: () => Promise<{ code: 'unauthenticated' | 'forbidden'; message: string } | undefined> = () =>
    Promise.resolve(undefined);
  tokens: string[] = [];

  knock(): Promise<Ticket | DoorRefusal> {
    throw new Error('nobody knocks here');
  }

  enter(): Session {
    throw new Error('nobody enters here');
  }

  refresh(_session: Session, token: string) {
    this.tokens.push(token);
    return this.answer();
  }
}

/** Joins at once, and announces when it is let. */
class FakeReplay {
  readonly asked: { channels: readonly string[]; since: ReadonlyMap<string, Position> }[] = [];
  read: Promise<unknown> = Promise.resolve();

  constructor(private readonly channels: ChannelTable) {}

  forgo(): void {}

  async join(
    session: Session,
    channels: readonly string[],
    since: ReadonlyMap<string, Position>,
    announce: Announce,
  ): Promise<void> {
    this.asked.push({ channels, since });
    for (const channel of channels) this.channels.join(session, channel);
    await this.read;
    announce(new Map<string, ChannelState>(channels.map((channel) => [channel, { epoch: 'e', offset: 7 }])));
  }
}

const rates = {
  maxFramesPerSecond: 0,
  maxBytesPerSecond: 0,
  maxJoinsPerSecond: 1,
  maxMessageBytes: 1_024,
  maxRooms: 3,
};

function setup(state: Session['state'] = 'live') {
  const metrics = new Metrics();
  const outboxes = new Outboxes(100_000, metrics);
  const sessions = new SessionTable();
  sessions.identify('g', 1);
  const channels = new ChannelTable();
  const replay = new FakeReplay(channels);
  const door = new FakeDoor();
  const early = new Early(metrics);
  const rooms = new JoinLeave(replay, channels, 3, new FrameLimits(rates, metrics), {
    judge: () => undefined,
    forget: () => {},
  });
  const commands = new Commands(sessions, channels, rooms, outboxes);
  const released: Session[] = [];
  const devices = { release: (session: Session) => void released.push(session) };
  const application = new Map<number, Handler>();
  const handlers = {
    join: rooms.joinAsked,
    leave: rooms.leaveAsked,
    label: label(channels),
    refresh: refresh(door, early, outboxes),
    application: (type: number) => application.get(type),
  };
  const farewell = new Farewell(sessions, channels, outboxes, devices, { release: () => {} }, silentLog);
  const dispatcher = new Dispatcher(handlers, outboxes, early, farewell, new FrameCounts(metrics), silentLog);
  const arrive = (as: Session['state'] = state, user?: string) => {
    const connection = new FakeConnection();
    const session = sessions.add(connection);
    session.app = 'default';
    session.state = as;
    session.user = user;
    if (user !== undefined) channels.join(session, `user:${user}`);
    /** What came back for frames as they are given. */
    const say = async (...frames: (object | string | Buffer)[]) => {
      for (const frame of frames) {
        const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
        dispatcher.text(session, Buffer.isBuffer(frame) ? frame : Buffer.from(text));
      }
      return heard();
    };
    /** Everything that was written since it was last asked. */
    let known = 0;
    const heard = async () => {
      for (let turn = 0; turn < 3; turn += 1) await outboxes.afterFlush();
      const packets = connection.packets.slice(known);
      known += packets.length;
      return packets;
    };
    return { session, connection, say, heard };
  };
  return {
    ...arrive(),
    arrive,
    dispatcher,
    application,
    channels,
    sessions,
    replay,
    door,
    commands,
    released,
    metrics,
    outboxes,
    early,
  };
}

const error = (code: string, ref?: string) => ({
  type: PacketType.reply,
  ...(ref === undefined ? {} : { ref }),
  error: { code, message: expect.stringMatching(/./) as string },
});
const reply = (ref: string, data: unknown = {}) => ({ type: PacketType.reply, data, ref });
const pong = { type: 1, data: 'PONG' };

describe('the dispatcher', () => {
  it('answers PING however it is written', async () => {
    const { say } = setup();
    expect(await say(pingText, '{ "type": 1 }', { type: 1, data: 'PING', ref: 'x' })).toEqual([pong, pong, pong]);
  });

  it.each([
    ['no JSON', 'hello'],
    ['a JSON string', '"PING"'],
    ['a list', '[1]'],
    ['null', 'null'],
    ['no type', '{"data":1}'],
    ['a type that is text', '{"type":"1"}'],
    ['a type with a fraction', '{"type":1.5}'],
    ['a type beyond 32 bits', '{"type":2147483648}'],
    ['a ref that is a number', '{"type":200,"ref":1}'],
    ['a ref that is too long', JSON.stringify({ type: 200, ref: 'r'.repeat(129) })],
    ['nothing', ''],
  ])('answers %s with one error and lives on', async (_, text) => {
    const { say, connection } = setup();
    expect(await say(text)).toEqual([error('malformed')]);
    expect(await say(pingText)).toEqual([pong]);
    expect(connection.isOpen).toBe(true);
  });

  it('closes after three frames that cannot be read, the last error written first', async () => {
    const { say, session, dispatcher, connection } = setup();
    await say('x', pingText, 'x');
    expect(connection.isOpen).toBe(true);
    dispatcher.binary(session);
    expect(connection.ended).toEqual({ code: 4400, reason: 'malformed' });
    expect(connection.packets).toEqual([error('malformed'), pong, error('malformed'), error('malformed')]);
  });

  it('says what it does not take', async () => {
    const { say } = setup();
    const types = [103, 104, 106, 100, 108, 110, 120, 190, 199, 0, 2, 200, -5];
    const answers = await say(...types.map((type) => ({ type, ref: String(type) })));
    expect(answers).toEqual(
      types.map((type) => error([103, 104, 106].includes(type) ? 'unsupported_option' : 'unknown_type', String(type))),
    );
    expect(await say({ type: 300 })).toEqual([error('unknown_type')]);
  });

  it('hands packets of the application to its handlers', async () => {
    const { say, application } = setup();
    application.set(200, (_session, packet, answer) => answer({ got: packet.data }));
    application.set(201, () => Promise.reject(new Error('unforeseen')));
    application.set(202, () => {
      throw new Error('unforeseen');
    });
    expect(await say({ type: 200, data: [1], ref: 'a' }, { type: 200, data: [1] })).toEqual([reply('a', { got: [1] })]);
    expect(await say({ type: 201, ref: 'b' }, { type: 202 })).toEqual([error('internal'), error('internal', 'b')]);
  });

  it('counts frames by kind', async () => {
    const { say, metrics } = setup();
    await say(pingText, 'x', { type: 200 }, { type: 102 }, { type: 103 });
    const { values } = await metrics.registry.getSingleMetric('skylark_gateway_frames_in')!.get();
    const counts = Object.fromEntries(values.map(({ labels, value }) => [labels.kind, value]));
    expect(counts).toEqual({ ping: 1, malformed: 1, application: 1, protocol: 2 });
  });
});

describe('join and leave', () => {
  it('join from a position, and say where the room stands', async () => {
    const { say, replay, session } = setup();
    expect(await say({ type: 101, data: { room: 'live:1', since: 'e:5' }, ref: 'a' })).toEqual([
      reply('a', { epoch: 'e', offset: 7 }),
    ]);
    expect(replay.asked).toEqual([
      { channels: ['room:live:1'], since: new Map([['room:live:1', { epoch: 'e', offset: 5 }]]) },
    ]);
    expect(session.rooms).toBe(1);
    expect(
      await say({ type: 102, data: { room: 'live:1' }, ref: 'b' }, { type: 102, data: { room: 'live:1' } }),
    ).toEqual([reply('b')]);
    expect(session.rooms).toBe(0);
  });

  it.each([
    [{ room: 'a b' }, 'bad_name'],
    [{ room: '' }, 'bad_name'],
    [{ room: 'r'.repeat(129) }, 'bad_name'],
    [{ room: 5 }, 'bad_name'],
    [{}, 'bad_name'],
    [{ room: 'a', since: 17 }, 'invalid_body'],
    [{ room: 'a', since: 'e' }, 'invalid_body'],
    ['a', 'invalid_body'],
    [null, 'invalid_body'],
    [undefined, 'invalid_body'],
  ])('refuse %j as %s', async (data, code) => {
    const { say, replay } = setup();
    expect(await say({ type: 101, data, ref: 'a' })).toEqual([error(code, 'a')]);
    expect(replay.asked).toEqual([]);
  });

  it('refuse one room too many, while those before are still being joined', async () => {
    const { say, replay, session } = setup();
    let go!: () => void;
    replay.read = new Promise<void>((resolve) => (go = resolve));
    const answers = await say(...['a', 'b', 'c', 'd'].map((room) => ({ type: 101, data: { room }, ref: room })));
    expect(answers).toEqual([error('too_many_targets', 'd')]);
    go();
    expect(await say({ type: 101, data: { room: 'a' }, ref: 'again' })).toHaveLength(4);
    expect(session.rooms).toBe(3);
  });
});

describe('105', () => {
  it('sets and unsets labels and chooses types, all or nothing', async () => {
    const { say, session, channels } = setup();
    channels.join(session, 'all');
    await say({ type: 105, data: { set: { platform: 'ios', beta: '' }, types: [5, 5, -6] } });
    expect({ ...session.labels }).toEqual({ platform: 'ios', beta: '' });
    expect(session.types).toEqual([5, -6]);
    expect(channels.get('default', 'all')!.picky).toBe(1);
    expect(await say({ type: 105, data: { unset: ['beta'], types: 'all' }, ref: 'a' })).toEqual([
      error('invalid_body', 'a'),
    ]);
    expect({ ...session.labels }).toEqual({ platform: 'ios', beta: '' });
    expect(await say({ type: 105, data: { unset: ['beta', 'platform'], types: null }, ref: 'b' })).toEqual([
      reply('b'),
    ]);
    expect(session.labels).toBeNull();
    expect(session.types).toBeNull();
    expect(channels.get('default', 'all')!.picky).toBe(0);
  });

  it.each([
    [{ set: [] }, 'invalid_body'],
    [{ set: { 'a:b': 'c' } }, 'bad_name'],
    [{ set: { a: 5 } }, 'bad_name'],
    [{ set: { a: 'b c' } }, 'bad_name'],
    [{ unset: 'a' }, 'invalid_body'],
    [{ unset: [5] }, 'bad_name'],
    [{ types: [1.5] }, 'invalid_body'],
    [{ types: Array.from({ length: 101 }, (_, i) => i) }, 'too_many_targets'],
    [{ set: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, ''])) }, 'too_many_targets'],
  ])('refuses %j as %s', async (data, code) => {
    const { say, session } = setup();
    expect(await say({ type: 105, data, ref: 'a' })).toEqual([error(code, 'a')]);
    expect(session.labels).toBeNull();
  });

  it('takes labels that are called like what objects have', async () => {
    const { say, session } = setup();
    await say('{"type":105,"data":{"set":{"__proto__":"x","constructor":"y"}}}');
    expect(Object.entries(session.labels!)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});

describe('before the welcome', () => {
  it('keeps what a client sends, and takes it in order once the welcome is out', async () => {
    const { say, session, heard } = setup('arriving');
    const shared = Buffer.from(pingText);
    expect(await say(shared, { type: 102, data: { room: 'a' }, ref: 'r' })).toEqual([]);
    shared.fill(0); // the socket's read buffer is used again
    session.goLive();
    expect(await heard()).toEqual([pong, reply('r')]);
  });

  it('does not keep everything', async () => {
    const { say, connection } = setup('arriving');
    await say(...Array.from({ length: 64 }, () => pingText));
    expect(connection.isOpen).toBe(true);
    await say(pingText);
    expect(connection.ended).toMatchObject({ code: 4429 });
  });

  it('forgets what was kept when the client goes', async () => {
    const { say, session, dispatcher, connection } = setup('arriving');
    await say(pingText);
    connection.isOpen = false;
    dispatcher.closed(session, 1006);
    session.goLive();
    await Promise.resolve();
    expect(connection.writes).toEqual([]);
    expect(session.onLive).toBeNull();
  });
});

describe('a connection without a token', () => {
  it('is let in by 107, which is answered after the welcome', async () => {
    const { say, session, door, heard } = setup('waiting');
    door.answer = () => {
      session.state = 'arriving';
      return Promise.resolve(undefined);
    };
    expect(await say({ type: 107, data: { token: 't' }, ref: 'a' }, pingText)).toEqual([]);
    session.goLive();
    expect(await heard()).toEqual(expect.arrayContaining([pong, reply('a')]));
    expect(door.tokens).toEqual(['t']);
  });

  it.each(['waiting', 'live'] as const)(
    'leaves nothing behind when it (%s) goes while its token is looked at',
    async (state) => {
      const { say, heard, session, door, dispatcher, early } = setup(state);
      let looked!: () => void;
      door.answer = () => new Promise((resolve) => (looked = () => resolve(undefined)));
      await say({ type: 107, data: { token: 't' }, ref: 'a' });
      dispatcher.closed(session, 1006);
      looked();
      expect(await heard()).toEqual([]);
      expect([early.size, session.onLive]).toEqual([0, null]);
    },
  );

  it.each([
    ['PING', pingText],
    ['a join', '{"type":101,"data":{"room":"a"}}'],
    ['what cannot be read', 'x'],
  ])('is closed by %s as its first frame, and nothing is sent', async (_, text) => {
    const { say, connection } = setup('waiting');
    expect(await say(text)).toEqual([]);
    expect(connection.ended).toMatchObject({ code: 4401 });
  });

  it('is closed by a binary frame', () => {
    const { session, dispatcher, connection } = setup('waiting');
    dispatcher.binary(session);
    expect(connection.ended).toMatchObject({ code: 4401 });
  });

  it('is told why its token is refused, and closed', async () => {
    const { say, door, connection } = setup('waiting');
    door.answer = () => Promise.resolve({ code: 'unauthenticated', message: 'expired' });
    expect(await say({ type: 107, data: { token: 't' }, ref: 'a' })).toEqual([error('unauthenticated', 'a')]);
    expect(connection.ended).toMatchObject({ code: 4401 });
  });

  it('is closed for a 107 that is none', async () => {
    const { say, connection, door } = setup('waiting');
    expect(await say({ type: 107, data: 't' })).toEqual([error('invalid_body')]);
    expect(connection.ended).toMatchObject({ code: 4401 });
    expect(door.tokens).toEqual([]);
  });

  it('may come back when nobody could look at its token', async () => {
    const { say, door, connection } = setup('waiting');
    door.answer = () => Promise.reject(new Error('no logic'));
    expect(await say({ type: 107, data: { token: 't' }, ref: 'a' })).toEqual([error('internal', 'a')]);
    expect(connection.ended).toMatchObject({ code: 1013 });
  });

  it('goes on with its token, once it is live, when a new one is refused', async () => {
    const { say, door, connection } = setup();
    door.answer = () => Promise.resolve({ code: 'forbidden', message: 'of somebody else' });
    expect(await say({ type: 107, data: { token: 't' }, ref: 'a' })).toEqual([error('forbidden', 'a')]);
    expect(connection.isOpen).toBe(true);
    door.answer = () => Promise.resolve(undefined);
    expect(await say({ type: 107, data: { token: 't' }, ref: 'b' })).toEqual([reply('b')]);
  });
});

describe('the farewell', () => {
  it('leaves every channel, the device and the slot', () => {
    const { session, sessions, channels, dispatcher, released } = setup();
    for (const channel of ['all', 'user:a', 'room:x', 'room:y']) channels.join(session, channel);
    const id = sessions.connectionIdOf(session);
    dispatcher.closed(session, 1000);
    expect(session.state).toBe('closed');
    expect(channels.size).toBe(0);
    expect(sessions.find(id)).toBeUndefined();
    expect(released).toEqual([session]);
  });

  it('counts the messages that still waited', async () => {
    const { session, dispatcher, outboxes, metrics, channels } = setup();
    const { channel } = channels.join(session, 'room:x');
    outboxes.push(session, textFrame('joined'), 3);
    const holding = new HeldChannel();
    const held = { prev: -1, after: 0, expiresAtMs: 0 };
    holding.waiting.push({ ...held, offset: 0, frame: textFrame('a') }, { ...held, offset: 1, frame: undefined });
    session.held = new Held();
    session.held.channels.set(channel, holding);
    session.held.direct.push({ frame: textFrame('b'), expiresAtMs: 0 });
    dispatcher.closed(session, 1006);
    await outboxes.afterFlush();
    const { values } = await metrics.dropped.get();
    expect(values).toMatchObject([{ labels: { stage: 'outbox', reason: 'closed' }, value: 5 }]);
    expect([session.pending, session.held]).toEqual([null, null]);
  });
});

describe('commands', () => {
  const change = { app: 'default', room: 'r', connections: [] as string[], users: [] as string[] };

  it('join and leave connections and users who are here, and tell them', async () => {
    const { arrive, commands, sessions } = setup();
    const [ann1, ann2, ben] = [arrive('live', 'ann'), arrive('live', 'ann'), arrive('live', 'ben')];
    const id = sessions.connectionIdOf(ben.session);
    const asked = { ...change, connections: [id, 'g~1~zzzz', 'nonsense'], users: ['ann', 'nobody'] };
    expect(await commands.changeRooms({ ...asked, action: 'join' })).toEqual({
      connections: ['joined', 'gone', 'gone'],
      users: ['joined', 'gone'],
    });
    for (const client of [ann1, ann2, ben]) {
      expect(await client.heard()).toEqual([{ type: 108, data: { room: 'r', by: 'api', epoch: 'e', offset: 7 } }]);
    }
    expect(await commands.changeRooms({ ...asked, action: 'join' })).toEqual({
      connections: ['already', 'gone', 'gone'],
      users: ['already', 'gone'],
    });
    expect(await ben.heard()).toEqual([]);
    expect(await commands.changeRooms({ ...asked, action: 'leave' })).toMatchObject({
      connections: ['left', 'gone', 'gone'],
      users: ['left', 'gone'],
    });
    expect(await ben.heard()).toEqual([{ type: 109, data: { room: 'r', by: 'api' } }]);
    expect(await commands.changeRooms({ ...asked, action: 'leave' })).toMatchObject({ users: ['absent', 'gone'] });
  });

  it('say who is in too many rooms, and nothing of other apps', async () => {
    const { arrive, commands, sessions, channels } = setup();
    const full = arrive('live', 'full');
    for (const room of ['a', 'b', 'c']) channels.join(full.session, `room:${room}`);
    const id = sessions.connectionIdOf(full.session);
    expect(await commands.changeRooms({ ...change, action: 'join', connections: [id], users: ['full'] })).toEqual({
      connections: ['full'],
      users: ['full'],
    });
    const elsewhere = { ...change, app: 'bank', connections: [id], users: ['full'] };
    expect(await commands.changeRooms({ ...elsewhere, action: 'leave' })).toEqual({
      connections: ['gone'],
      users: ['gone'],
    });
  });

  it('close connections with the code and the reason given', async () => {
    const { arrive, commands, sessions } = setup();
    const [a, b] = [arrive(), arrive()];
    const [idA, idB] = [a, b].map(({ session }) => sessions.connectionIdOf(session)) as [string, string];
    expect(await commands.kick({ connections: [idA, 'g~1~zz'], why: 'kicked', reason: 'spam' })).toEqual({
      kicked: [idA],
    });
    expect(await commands.kick({ connections: [idB], why: 'replaced', reason: '' })).toEqual({ kicked: [idB] });
    expect(a.connection.ended).toEqual({ code: 4403, reason: 'spam' });
    expect(b.connection.ended).toEqual({ code: 4409, reason: 'replaced' });
  });

  it('let others have their turn while many are changed', async () => {
    const { arrive, commands } = setup();
    const users = Array.from({ length: 450 }, (_, i) => `u${i}`);
    for (const user of users) arrive('live', user);
    let turns = 0;
    let isDone = false;
    const turn = () => void ((turns += 1), isDone || setImmediate(turn));
    setImmediate(turn);
    const joined = await commands.changeRooms({ ...change, action: 'join', users });
    isDone = true;
    expect(new Set(joined.users)).toEqual(new Set(['joined']));
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('close all connections of users, and none of another app', async () => {
    const { arrive, commands, sessions } = setup();
    const [ann1, ann2, ben] = [arrive('live', 'ann'), arrive('live', 'ann'), arrive('live', 'ben')];
    const id = sessions.connectionIdOf(ben.session);
    const kick = { connections: [id], users: ['ann', 'nobody', 'ann'], why: 'kicked' as const, reason: '' };
    expect(await commands.kick({ ...kick, app: 'bank' })).toEqual({ kicked: [] });
    expect(ben.connection.ended).toBeUndefined();
    const { kicked } = await commands.kick({ ...kick, app: 'default' });
    expect(kicked.sort()).toEqual([ann1, ann2, ben].map(({ session }) => sessions.connectionIdOf(session)).sort());
    for (const { connection } of [ann1, ann2, ben]) expect(connection.ended).toMatchObject({ code: 4403 });
  });

  it('change labels as the client itself would, all of it or nothing', () => {
    const { arrive, commands, sessions } = setup();
    const { session } = arrive('live', 'ann');
    const ask = (set: Record<string, string>, unset: string[] = [], app = 'default') =>
      commands.changeLabels({ app, connection: sessions.connectionIdOf(session), set, unset });
    expect(ask({ platform: 'ios', beta: '' })).toEqual({ result: 'changed', labels: { platform: 'ios', beta: '' } });
    expect(ask({ tier: 'gold' }, ['beta', 'never'])).toEqual({
      result: 'changed',
      labels: { platform: 'ios', tier: 'gold' },
    });
    const before = session.labels;
    const many = Object.fromEntries(Array.from({ length: 19 }, (_, i) => [`l${i}`, '']));
    expect(ask(many)).toMatchObject({ result: 'refused', code: 'too_many_targets' });
    expect(ask({ ok: '', 'a b': '' })).toMatchObject({ result: 'refused', code: 'bad_name' });
    expect(session.labels).toBe(before);
    expect(ask({}, [], 'bank')).toEqual({ result: 'gone' });
    expect(commands.changeLabels({ app: 'default', connection: 'g~1~zz', set: {}, unset: [] })).toEqual({
      result: 'gone',
    });
  });
});
