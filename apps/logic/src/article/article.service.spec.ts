import { silentLog, Metrics, ManualClock } from '@app/runtime';
import { createMemoryRegistry } from '@app/registry';
import type { MemberOutcome } from '@app/rpc';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { PushService, type PushMessage, type TargetKind } from '../push/push.service.js';
import { RoomService } from '../room/room.service.js';
import { ArticleService } from './article.service.js';
import type { Accepted } from '../push/push.dto.js';
import type { Caller } from '../rest/caller.js';
import type { Target } from '@app/protocol/wires';
import { createBus } from '@app/bus';

const caller = { app: 'default', traceparent: '' };
const metrics = new Metrics();
const clock = new ManualClock();
const registry = createMemoryRegistry(clock);

class Pushes extends PushService {
  readonly taken: [TargetKind, string, PushMessage][] = [];

  constructor() {
    const bus = createBus({ backend: 'embedded', shards: 1, log: silentLog, metrics });
    super(bus, { maxPayloadBytes: 1, maxTargets: 1 }, clock, new LogicMetrics(metrics), silentLog);
  }

  override async accept(
    _: Caller,
    kind: TargetKind,
    [target]: readonly Target[],
    message: PushMessage,
  ): Promise<Accepted> {
    this.taken.push([kind, target!.channel, message]);
    return { id: '', acceptedAt: '' };
  }
}

class Rooms extends RoomService {
  outcome: MemberOutcome = 'gone';
  readonly asked: unknown[] = [];

  constructor() {
    super(registry.presence, new Gateways(registry.nodes, '', silentLog), 1);
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
    expect(await routes.pushAll({ val: 'hi', tag }, caller)).toBe('全部推送任务添加成功');
    expect(pushes.taken).toEqual([['all', 'all', { type, text: 'hi' }]]);
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
    expect(await routes.pushRoom({ val: 'hi', tag: '3', id }, caller)).toBe(`[${title}]房间推送任务添加成功`);
    expect(pushes.taken[0]![1]).toBe(`room:${id}`);
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
    expect(await routes.pushAll({ val: 'hi' }, caller)).toBe('值为空');
    expect(await routes.pushAll({ val: '', tag: '3' }, caller)).toBe('值为空');
    expect(await routes.pushRoom({ val: 'hi', tag: '3' }, caller)).toBe('值为空');
    expect(await routes.join({ id: '1' }, caller)).toBe('值为空');
    expect(await routes.leave({ wsId: 'c' }, caller)).toBe('值为空');
    expect([...pushes.taken, ...rooms.asked]).toEqual([]);
  });
});
