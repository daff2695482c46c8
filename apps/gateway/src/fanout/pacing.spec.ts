import { Metrics, ManualClock, silentLog } from '@app/runtime';
import { ChannelTable, type LocalChannel } from '../room/channel-table.js';
import { CurrentEpoch } from '../room/current-epoch.js';
import { Message, type Placed } from '../room/message.js';
import { FakeConnection } from '../session/connection.contract.js';
import { SessionTable } from '../session/session-table.js';
import { Pacing, type PacedPassage } from './pacing.js';

const emptyBody = {
  id: '',
  type: 0,
  encoding: 0 as const,
  payload: Buffer.alloc(0),
  acceptedAtMs: 0,
  expiresAtMs: 0,
  traceparent: '',
  excludeUsers: [],
  excludeConnections: [],
  match: '',
  variants: [],
};

function setup(members: number) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const sessions = new SessionTable();
  const channels = new ChannelTable();
  const pacing = new Pacing(new CurrentEpoch(sessions, channels, silentLog), clock, silentLog, metrics, 1_000);
  const people = Array.from({ length: members }, () => sessions.add(new FakeConnection()));
  const local: LocalChannel = people.map((session) => channels.join(session, 'all').channel)[0]!;
  let given = 0;
  const live: number[] = [];
  const passage: PacedPassage = {
    give: () => (given += 1) > 0,
    live: (_, placed) => live.push(...placed.map(({ message }) => message.offset)),
  };
  const message = (offset: number, bytes: number): Placed => ({
    message: Object.assign(Message.of(emptyBody, sessions), { offset, bytes }),
    prev: offset - 1,
    after: 0,
    devices: [],
    rate: 10,
  });
  const paced = async () => (await metrics.registry.metrics()).match(/^skylark_gateway_paced (\d+)/m)?.[1];
  pacing.start(local, message(1, 10), people, passage);
  return { clock, pacing, local, message, live, given: () => given, paced };
}

describe('pacing', () => {
  it('keeps what is later waiting, in order', () => {
    const { clock, pacing, local, message, live, given } = setup(20);
    pacing.hold(local, [message(2, 500), message(3, 500)]);
    clock.advance(1_000);
    expect([given(), live, pacing.isBusy(local)]).toEqual([10, [], true]);
    clock.advance(1_000);
    expect([given(), live, pacing.isBusy(local)]).toEqual([20, [2, 3], false]);
  });

  it.each([90_000, -90_000])('keeps its pace when the wall clock jumps by %i ms', (jumpMs) => {
    const { clock, given } = setup(20);
    clock.advance(1_000);
    clock.jump(jumpMs);
    clock.advance(500);
    expect(given()).toBe(15);
  });

  it('hurries when too much waits behind it, and drops nothing', () => {
    const { clock, pacing, local, message, live, given } = setup(20);
    pacing.hold(local, [message(2, 600), message(3, 600)]);
    clock.advance(50);
    expect([given(), live]).toEqual([20, [2, 3]]);
  });

  it('says how many it has still to reach', async () => {
    const { clock, paced } = setup(20);
    clock.advance(500);
    expect(await paced()).toBe('15');
    clock.advance(2_000);
    expect(await paced()).toBe('0');
  });

  it('asks for no time when nothing is under way', () => {
    const { clock } = setup(20);
    clock.advance(2_000);
    expect(clock).toMatchObject({ tasks: new Set() });
  });
});
