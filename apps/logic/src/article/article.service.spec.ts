import { silentLog, Metrics, ManualClock } from '@app/runtime';
import { createMemoryIdempotency } from '@app/history';
import { createMemoryRegistry } from '@app/registry';
import type { MemberOutcome } from '@app/rpc';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { DryRun } from '../push/dry-run.js';
import type { Message } from '../push/message.dto.js';
import { Once } from '../push/once.js';
import { PushDoor, type PushAnswer } from '../push/push-door.js';
import { PushService, type TargetKind } from '../push/push.service.js';
import { RoomService } from '../room/room.service.js';
import { ArticleService } from './article.service.js';
import type { Caller } from '../rest/caller.js';
import { createBus } from '@app/bus';

const caller = { app: 'default', traceparent: '' };
const metrics = new Metrics();
const clock = new ManualClock();
const registry = createMemoryRegistry(clock);

class Pushes extends PushDoor {
  readonly taken: [TargetKind, object, string | undefined][] = [];
  isReplay = false;

  constructor() {
    const counters = new LogicMetrics(metrics);
    const bus = createBus({ backend: 'embedded', shards: 1, log: silentLog, metrics });
    const keys = createMemoryIdempotency({ pendingMs: 1, ttlMs: 1, maxBytes: 1 }, clock);
    super(
      new PushService(bus, { maxPayloadBytes: 1, maxTargets: 1 }, clock, counters, silentLog),
      new Once(keys, counters, silentLog),
      new DryRun(new Gateways(registry.nodes, '', silentLog)),
    );
  }

  override async one(kind: TargetKind, body: Message, _: Caller, key?: string): Promise<PushAnswer> {
    this.taken.push([kind, Object.fromEntries(Object.entries(body)), key]);
    return { status: 202, body: { id: '', acceptedAt: '' }, isReplay: this.isReplay };
  }
}

class Rooms extends RoomService {
  outcome: MemberOutcome = 'gone';
  readonly asked: unknown[] = [];

  constructor() {
    const { memberships, presence, nodes } = registry;
    super(memberships, presence, new Gateways(nodes, '', silentLog), { maxTargets: 1, maxRooms: 1 });
  }

  override async change(...asked: Parameters<RoomService['change']>) {
    this.asked.push(asked);
    return [{ connection: 'c', result: this.outcome }];
  }
}

function article() {
  const pushes = new Pushes();
  const rooms = new Rooms();
  return { pushes, rooms, article: new ArticleService(pushes, rooms) };
}

describe("the article's routes", () => {
  it.each([
    ['3', 3],
    ['1', 1],
    ['-4', -4],
    ['x', 0],
    ['1.5', 0],
    ['99999999999', 0],
  ])('push to all with tag %s as type %d', async (tag, type) => {
    const { article: routes, pushes } = article();
    expect(await routes.pushAll({ val: 'hi', tag }, caller)).toEqual({ text: '全部推送任务添加成功', isReplay: false });
    expect(pushes.taken).toEqual([['all', { type, text: 'hi' }, undefined]]);
  });

  it.each([
    ['0', '健身'],
    ['1', '体育'],
    ['2', '电影'],
    ['3', '音乐'],
    ['4', '4'],
    ['lobby', 'lobby'],
    ['toString', 'toString'],
  ])('name room %s %s', async (id, title) => {
    const { article: routes, pushes, rooms } = article();
    pushes.isReplay = true;
    const text = `[${title}]房间推送任务添加成功`;
    expect(await routes.pushRoom({ val: 'hi', tag: '3', id }, caller, 'k')).toEqual({ text, isReplay: true });
    expect(pushes.taken).toEqual([['rooms', { rooms: [id], type: 3, text: 'hi' }, 'k']]);
    rooms.outcome = 'joined';
    expect(await routes.join({ id, wsId: 'c' }, caller)).toBe(`加入[${title}]房间成功`);
    rooms.outcome = 'left';
    expect(await routes.leave({ id, wsId: 'c' }, caller)).toBe(`离开[${title}]房间成功`);
    expect(rooms.asked).toEqual([
      ['default', id, 'join', { connections: ['c'] }],
      ['default', id, 'leave', { connections: ['c'] }],
    ]);
  });

  it('say what was not to be done', async () => {
    const { article: routes, rooms } = article();
    expect(await routes.join({ id: '1', wsId: 'c' }, caller)).toBe('not find conn');
    expect(await routes.leave({ id: '1', wsId: 'c' }, caller)).toBe('already delete');
    expect(await routes.join({ id: 'a b', wsId: 'c' }, caller)).toBe('not find room');
    expect(await routes.leave({ id: 'a b', wsId: 'c' }, caller)).toBe('not find room');
    rooms.outcome = 'already';
    expect(await routes.join({ id: '1', wsId: 'c' }, caller)).toBe('already exists');
    rooms.outcome = 'absent';
    expect(await routes.leave({ id: '1', wsId: 'c' }, caller)).toBe('already delete');
  });

  it('miss what is missing or empty', async () => {
    const { article: routes, pushes, rooms } = article();
    const empty = { text: '值为空', isReplay: false };
    expect(await routes.pushAll({ val: 'hi' }, caller)).toEqual(empty);
    expect(await routes.pushAll({ val: '', tag: '3' }, caller)).toEqual(empty);
    expect(await routes.pushRoom({ val: 'hi', tag: '3' }, caller)).toEqual(empty);
    expect(await routes.join({ id: '1' }, caller)).toBe('值为空');
    expect(await routes.leave({ wsId: 'c' }, caller)).toBe('值为空');
    expect([...pushes.taken, ...rooms.asked]).toEqual([]);
  });
});
