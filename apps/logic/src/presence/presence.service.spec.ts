import type { Bus, Publishing } from '@app/bus';
import { RoomPolicies } from '@app/protocol';
import { bodyCodec, recordCodec } from '@app/protocol/wires';
import type { PresenceReport } from '@app/rpc';
import { ManualClock, Metrics } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { PresenceService } from './presence.service.js';

const policies = RoomPolicies.parse('chat:=open+presence');

function setup(sizes: Record<string, number> = {}) {
  const published: Publishing[] = [];
  const bus = {
    shards: 4,
    shardOf: () => 0,
    publish: (records: Publishing[]) => Promise.resolve(void published.push(...records)),
  } as unknown as Bus;
  const census = {
    sizes: (app: string, rooms: readonly string[]) =>
      Promise.resolve(rooms.map((room) => sizes[`${app}/${room}`] ?? 0)),
  };
  const counters = new LogicMetrics(new Metrics());
  const service = new PresenceService(bus, census, policies, 3, new ManualClock(), counters);
  const told = () =>
    published.splice(0).map(({ key, value }) => {
      const { retain, body } = recordCodec.decode(value);
      const { type, payload, excludeConnections } = bodyCodec.decode(body);
      expect(retain).toBe(false);
      return { key, type, data: JSON.parse(Buffer.from(payload).toString()) as unknown, excludeConnections };
    });
  return { service, told };
}

const report = (more: Partial<PresenceReport> = {}): PresenceReport => ({
  app: 'shop',
  room: 'chat:1',
  changes: [
    { connection: 'g1~1~a', user: 'ann', isIn: true },
    { connection: 'g1~1~b', isIn: false },
  ],
  isLost: false,
  isCrowded: false,
  ...more,
});

describe('PresenceService', () => {
  it('tells the room of its app of each change, but not who comes of himself', async () => {
    const { service, told } = setup({ 'other/chat:1': 99 });
    expect(await service.tell([report()])).toEqual({ crowded: [false] });
    const key = 'shop/room:chat:1';
    const ann = { room: 'chat:1', user: 'ann', connectionId: 'g1~1~a' };
    expect(told()).toEqual([
      { key, type: 120, data: ann, excludeConnections: ['g1~1~a'] },
      { key, type: 121, data: { room: 'chat:1', connectionId: 'g1~1~b' }, excludeConnections: [] },
    ]);
  });

  it('tells nothing of rooms that do not ask for it, whatever a gateway says', async () => {
    const { service, told } = setup({ 'shop/other': 99 });
    expect(await service.tell([report({ room: 'other' })])).toEqual({ crowded: [false] });
    expect(told()).toEqual([]);
  });

  it('says first that something was lost', async () => {
    const { service, told } = setup();
    await service.tell([report({ isLost: true })]);
    expect(told().map(({ type }) => type)).toEqual([122, 120, 121]);
  });

  it('tells a room that it grew too large, once, and before it is told of anybody again', async () => {
    const sizes = { 'shop/chat:1': 4 };
    const { service, told } = setup(sizes);
    expect(await service.tell([report(), report({ room: 'chat:2' })])).toEqual({ crowded: [true, false] });
    expect(told().map(({ key, type }) => [key.at(-1), type])).toEqual([
      ['1', 122],
      ['2', 120],
      ['2', 121],
    ]);
    expect(await service.tell([report({ isCrowded: true, isLost: true })])).toEqual({ crowded: [true] });
    expect(told()).toEqual([]);
    sizes['shop/chat:1'] = 3;
    expect(await service.tell([report({ isCrowded: true })])).toEqual({ crowded: [false] });
    expect(told().map(({ type }) => type)).toEqual([122, 120, 121]);
  });
});
