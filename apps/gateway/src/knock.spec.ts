import type { Admission as Answer, AdmissionRequest } from '@app/rpc';
import { ConnectionQuota, ManualClock, Metrics, silentLog } from '@app/runtime';
import { anyRoom, openRig, turns, WrittenConnection } from './gateway-rig.contract.js';
import { JoinLeave } from './inbound/join-leave.js';
import { Admission } from './replay/admission.js';
import { SessionTokens } from './replay/session-tokens.js';
import { TokenRooms } from './replay/token-rooms.js';
import type { Hello, Ticket } from './session/door.js';
import { LogicClient, LogicUnavailableError, type LogicLink } from './upstream/logic.client.js';
import { NodeAgent } from './upstream/node-agent.js';
import { UserPlaces } from './upstream/user-places.js';

const hello = (more: Partial<Hello> = {}): Hello => ({
  token: undefined,
  user: undefined,
  device: undefined,
  app: undefined,
  rooms: [],
  since: new Map(),
  labels: null,
  types: null,
  isMinimal: false,
  remoteAddress: '192.0.2.7',
  ...more,
});

const admitted: Answer = {
  ok: true,
  app: 'default',
  user: 'ann',
  rooms: ['r'],
  labels: { beta: '' },
  expiresAtMs: 99,
} as const;

/** A gateway whose logic answers as told; no answer: there is no logic. */
async function openDoor(authMode: 'open' | 'jwt', answer?: (asked: AdmissionRequest) => Answer, maxPerUser = 0) {
  const rig = await openRig();
  const clock = new ManualClock();
  const asked: unknown[] = [];
  const call = ((_: unknown, request: unknown) => {
    asked.push(request);
    const isBatch = Array.isArray(request);
    const answers = (isBatch ? request : [request]).map((one: AdmissionRequest) => answer!(one));
    return Promise.resolve(isBatch ? answers : answers[0]);
  }) as LogicLink['call'];
  const logic = new LogicClient(rig.registry.nodes, () => ({ call, close: () => {} }), clock, silentLog);
  if (answer) {
    const { nodes } = rig.registry;
    const at = { host: '127.0.0.1', port: 1, address: '', region: '', startedAtMs: 0 };
    const counts = { connections: 0, users: 0, rooms: 0 };
    await nodes.renew({ kind: 'logic', id: 'l1', incarnation: 1, state: 'serving', ...at, ...counts }, 60_000);
  }
  const settings = { id: 'g1', region: '', leaseMs: 3_000, maxConnections: 10 };
  const events = { onMissing() {}, onSuperseded() {} };
  const agent = new NodeAgent(rig.registry.nodes, rig.sessions, rig.channels, settings, events, clock, silentLog);
  await agent.start({ host: '127.0.0.1', port: 1, address: '' });
  const joinLeave = new JoinLeave(rig.replay, rig.channels, 100, { takesJoin: () => true }, anyRoom);
  const revoked = { has: ({ id }: { id: string | undefined }) => id === 'revoked' };
  const rooms = new TokenRooms(rig.channels, (session, channel) => joinLeave.leave(session, channel), rig.outboxes);
  const tokens = new SessionTokens(revoked, rooms, clock, 60_000);
  const metrics = new Metrics();
  const quota = new ConnectionQuota({ name: 'users', max: maxPerUser, clock, metrics });
  const places = new UserPlaces(quota, metrics);
  const door = new Admission(rig.sessions, logic, rig.arrivals, agent, places, authMode, tokens, silentLog);
  return { rig, clock, door, asked, agent, quota, places };
}

describe('knocking', () => {
  it('asks logic with all that was shown, and answers with a ticket', async () => {
    const { door, asked } = await openDoor('jwt', () => admitted);
    const shown = hello({ token: 't', device: 'phone', rooms: ['r', 's'], labels: { platform: 'ios' } });
    expect(await door.knock(shown)).toEqual({
      hello: shown,
      identity: { app: 'default', user: 'ann', device: undefined, connSeq: 0, expiresAtMs: 99 },
      rooms: ['r'],
      labels: { beta: '' },
    });
    expect(asked).toEqual([
      [{ token: 't', device: 'phone', rooms: ['r', 's'], labels: { platform: 'ios' }, remoteAddress: '192.0.2.7' }],
    ]);
  });

  it.each([
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['room_forbidden', 403],
    ['bad_name', 400],
  ] as const)('is refused as %s with HTTP %i', async (code, status) => {
    const { door } = await openDoor('jwt', () => ({ ok: false, code, message: 'no' }));
    expect(await door.knock(hello({ token: 't' }))).toEqual({ status, code, message: 'no' });
  });

  it('is refused with 503 and a time to come back when no logic answers', async () => {
    const { door } = await openDoor('open');
    expect(await door.knock(hello())).toMatchObject({ status: 503, retryAfterSeconds: expect.any(Number) as number });
  });

  it('is refused while this node is not in the registry', async () => {
    const { door, agent } = await openDoor('open', () => admitted);
    jest.spyOn(agent, 'problem').mockReturnValue('registry: away');
    expect(await door.knock(hello())).toMatchObject({ status: 503, message: 'registry: away' });
  });
});

async function waiting(answer: (asked: AdmissionRequest) => Answer) {
  const { rig, door, asked } = await openDoor('jwt', answer);
  const ticket = (await door.knock(hello({ rooms: ['r'] }))) as Ticket;
  expect(asked).toEqual([]);
  const connection = new WrittenConnection();
  return { rig, door, asked, connection, session: door.enter(connection, ticket) };
}

describe('a client without a token where one is needed', () => {
  it('is let in and hears nothing until it shows one', async () => {
    const { rig, door, session, connection } = await waiting(() => admitted);
    expect(session.state).toBe('waiting');
    await rig.push(['all'], 'nothing for you');
    expect(connection.writes).toEqual([]);
    expect(await door.refresh(session, 't')).toBeUndefined();
    await rig.outboxes.afterFlush();
    expect(session.state).toBe('live');
    expect(connection.packets).toMatchObject([{ type: 100, data: { userId: 'ann', rooms: ['r'] } }]);
    expect(session.labels).toEqual({ beta: '' });
  });

  it('may try again after a bad one', async () => {
    const { door, session } = await waiting(({ token }) =>
      token === 'good' ? admitted : { ok: false, code: 'unauthenticated', message: 'bad token' },
    );
    expect(await door.refresh(session, 'bad')).toEqual({ code: 'unauthenticated', message: 'bad token' });
    expect(session.state).toBe('waiting');
    const [first, second] = await Promise.all([door.refresh(session, 'good'), door.refresh(session, 'good')]);
    expect(first).toBeUndefined();
    expect(second).toMatchObject({ code: 'unauthenticated' });
    expect(session.state).toBe('live');
  });
});

describe('a new token on a live connection', () => {
  it('moves the end of the session, when it is of the same user', async () => {
    let answer: Answer = admitted;
    const { rig, door } = await openDoor('jwt', () => answer);
    const { session, arrived } = rig.connect({ user: 'ann' });
    await arrived;
    answer = { ...admitted, expiresAtMs: 500 };
    expect(await door.refresh(session, 't')).toBeUndefined();
    expect(session.expiresAtMs).toBe(500);
    answer = { ...admitted, user: 'bob', expiresAtMs: 900 };
    expect(await door.refresh(session, 't')).toMatchObject({ code: 'forbidden' });
    expect(session.expiresAtMs).toBe(500);
  });

  it('may allow other rooms: those that it does not are left, and the client is told; those that REST gave stay', async () => {
    let answer: Answer = { ...admitted, rooms: [] };
    const { rig, door } = await openDoor('jwt', () => answer);
    const { session, arrived, connection } = rig.connect({ user: 'ann', rooms: ['a', 'b', 'by api', 'lobby'] });
    await arrived;
    session.byApi = new Set(['room:by api']);
    answer = { ...answer, allowedRooms: ['b'], roomPolicies: 'lobby=open' };
    expect(await door.refresh(session, 't')).toBeUndefined();
    await rig.outboxes.afterFlush();
    expect(connection.packets.slice(1)).toEqual([{ type: 109, data: { room: 'a', by: 'token' } }]);
    expect(
      rig.channels
        .channelsOf(session)
        .map(({ channel }) => channel)
        .sort(),
    ).toEqual(['all', 'room:b', 'room:by api', 'room:lobby', 'user:ann']);
    answer = { ...answer, allowedRooms: undefined, roomPolicies: '' };
    await door.refresh(session, 't');
    expect(session.rights).toBeNull();
  });

  it('changes nothing when it was revoked since logic looked at it', async () => {
    const { rig, door } = await openDoor('jwt', () => ({ ...admitted, token: { id: 'revoked', issuedAtMs: 1 } }));
    const { session, arrived } = rig.connect({ user: 'ann' });
    await arrived;
    expect(await door.refresh(session, 't')).toMatchObject({ code: 'unauthenticated' });
    expect(session.expiresAtMs).toBe(0);
    const connection = new WrittenConnection();
    door.enter(connection, (await door.knock(hello({ token: 't' }))) as Ticket);
    expect(connection.ended).toEqual({ code: 4401, reason: 'the token was revoked' });
  });

  it('is warned of in time, of a short life a third', async () => {
    let answer: Answer = admitted;
    const { rig, clock, door } = await openDoor('jwt', () => answer);
    const { session, arrived } = rig.connect({ user: 'ann' });
    await arrived;
    const warnedBefore = async (leftMs: number) => {
      answer = { ...admitted, expiresAtMs: leftMs === 0 ? 0 : clock.now() + leftMs };
      await door.refresh(session, 't');
      return session.warnBeforeMs;
    };
    expect([await warnedBefore(3_600_000), await warnedBefore(30_000), await warnedBefore(0)]).toEqual([
      60_000, 10_000, 0,
    ]);
  });

  it('says when nobody can look at it', async () => {
    const { rig, door } = await openDoor('jwt');
    const { session, arrived } = rig.connect({ user: 'ann' });
    await arrived;
    await expect(door.refresh(session, 't')).rejects.toBeInstanceOf(LogicUnavailableError);
  });
});

describe('the connections of a user', () => {
  it('are so many: one more is closed 4429 with a back-off, and one that goes makes room', async () => {
    const { door, quota, places } = await openDoor('jwt', () => admitted, 1);
    const ticket = (await door.knock(hello({ token: 't' }))) as Ticket;
    const [first, second, third] = [new WrittenConnection(), new WrittenConnection(), new WrittenConnection()];
    const session = door.enter(first, ticket);
    door.enter(second, ticket);
    await turns();
    expect(first.ended).toBeUndefined();
    expect(second.ended).toEqual({ code: 4429, reason: 'this user has too many connections; retry after 10 s' });
    places.release(session);
    places.release(session);
    expect(quota.size).toBe(0);
    door.enter(third, ticket);
    await turns();
    expect(third.ended).toBeUndefined();
  });

  it('keep no place of one that is gone before it has it', async () => {
    const { door, quota } = await openDoor('jwt', () => admitted, 1);
    const ticket = (await door.knock(hello({ token: 't' }))) as Ticket;
    door.enter(new WrittenConnection(), ticket).state = 'closed';
    await turns();
    expect(quota.size).toBe(0);
  });
});
