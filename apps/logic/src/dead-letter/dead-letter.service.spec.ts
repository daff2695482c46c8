import { createBus, createDeadLetterLog, type DeadRecord, type Publishing } from '@app/bus';
import { bodyCodec, recordCodec } from '@app/protocol/wires';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { Cursors } from '../rest/cursors.js';
import { DeadLetterService } from './dead-letter.service.js';

const options = { backend: 'embedded', log: silentLog, metrics: new Metrics() } as const;

async function open({ shards = 4 } = {}) {
  const bus = createBus({ ...options, shards });
  await bus.open();
  const published: Publishing[] = [];
  const publish = bus.publish.bind(bus);
  bus.publish = async (records) => {
    await publish(records);
    published.push(...records);
  };
  const letters = createDeadLetterLog({ ...options, shards });
  const service = new DeadLetterService(letters, bus, new Cursors('', new ManualClock()), silentLog);
  return { bus, letters, service, published };
}

const record = (...channels: string[]): Buffer => {
  const rest = { traceparent: '', excludeUsers: [], excludeConnections: [], match: '', variants: [] };
  const payload = Buffer.from('"x"');
  const body = bodyCodec.encode({ id: 'M', type: 3, encoding: 0, payload, acceptedAtMs: 1, expiresAtMs: 0, ...rest });
  const targets = channels.map((channel) => ({ channel, devices: [] }));
  return recordCodec.encode({
    app: 'default',
    id: 'M',
    part: 1,
    retain: true,
    expiresAtMs: 0,
    speed: 0,
    body,
    targets,
  });
};

const dead = (offset: number, more: Partial<DeadRecord> = {}): DeadRecord => ({
  source: { epoch: 'e', shard: 1, offset },
  reason: 'undecodable',
  error: 'Error: no record',
  diedAtMs: Date.parse('2026-01-01T00:00:00Z'),
  job: 'job-1',
  key: Buffer.from('k'),
  value: Buffer.from('garbage'),
  ...more,
});

describe('DeadLetterService', () => {
  it('says what is known of a letter, and of a record that can be read what it is', async () => {
    const { letters, service } = await open();
    await letters.put(dead(0));
    await letters.put(dead(1, { reason: 'failing', messageId: 'M', value: record('room:r', 'user:u') }));
    const { deadLetters, cursor } = await service.list({});
    expect(cursor).toBeUndefined();
    expect(deadLetters[0]).toEqual({
      source: { topic: 'embedded', epoch: 'e', shard: 1, offset: 0 },
      reason: 'undecodable',
      error: 'Error: no record',
      diedAt: '2026-01-01T00:00:00.000Z',
      job: 'job-1',
      key: 'k',
      bytes: 7,
    });
    expect(deadLetters[1]).toMatchObject({ messageId: 'M', app: 'default', channels: ['room:r', 'user:u'] });
  });

  it('sends each to its own shard with its own key and bytes, once', async () => {
    const { bus, letters, service, published } = await open();
    const shard = bus.shardOf('default/room:r');
    const value = record('room:r');
    await letters.put(dead(7, { source: { epoch: 'e', shard, offset: 7 }, value }));
    await letters.put(dead(8));
    expect(await service.replay({ dryRun: true })).toMatchObject({ replayed: 0, refused: 0 });
    expect(published).toEqual([]);

    const { deadLetters, ...counts } = await service.replay({});
    expect(counts).toEqual({ replayed: 2, refused: 0 });
    expect(deadLetters.map(({ outcome }) => outcome)).toEqual(['replayed', 'replayed']);
    expect(published).toEqual([
      { shard, key: Buffer.from('k'), value, replayOf: 7 },
      { shard: 1, key: Buffer.from('k'), value: Buffer.from('garbage'), replayOf: 8 },
    ]);
    expect(await service.replay({})).toEqual({ replayed: 0, refused: 0, deadLetters: [] });
    expect(published).toHaveLength(2);
  });

  it('goes by channel where the number of shards has changed, and refuses what names none', async () => {
    const { bus, letters, service, published } = await open({ shards: 2 });
    const channels = ['room:a', 'room:b', 'room:c', 'room:d', 'room:e'];
    await letters.put(dead(1, { source: { epoch: 'e', shard: 9, offset: 1 }, value: record(...channels) }));
    await letters.put(dead(2, { source: { epoch: 'e', shard: 9, offset: 2 } }));
    const { replayed, refused, deadLetters } = await service.replay({});
    expect([replayed, refused]).toEqual([1, 1]);
    expect(deadLetters[1]).toMatchObject({
      outcome: 'refused',
      why: 'its shard 9 is no more (there are 2), and its channels cannot be read',
    });
    const sent = published.map(({ shard, value }) => ({ shard, ...recordCodec.decode(value) }));
    expect(sent.flatMap(({ targets }) => targets.map(({ channel }) => channel)).toSorted()).toEqual(channels);
    for (const { shard, targets, part } of sent) {
      expect(targets.map(({ channel }) => bus.shardOf(`default/${channel}`))).toEqual(targets.map(() => shard));
      expect(part).toBe(10 * 65_536 + 1);
    }
    expect((await service.list({})).deadLetters).toHaveLength(1);
  });

  it('goes on behind what it refused, and not into what dies again meanwhile', async () => {
    const { letters, service } = await open({ shards: 1 });
    for (let i = 0; i < 3; i += 1) await letters.put(dead(i)); // refused: of shard 1
    await letters.put(dead(3, { source: { epoch: 'e', shard: 0, offset: 3 } }));
    const first = await service.replay({ limit: 2 });
    expect(first).toMatchObject({ replayed: 0, refused: 2, cursor: expect.any(String) });
    await letters.put(dead(4, { source: { epoch: 'e', shard: 0, offset: 4 } }));
    const second = await service.replay({ limit: 2, cursor: first.cursor });
    expect(second).toMatchObject({ replayed: 1, refused: 1 });
    expect(second.cursor).toBeUndefined();
  });

  it('keeps what the bus does not take, and says so', async () => {
    const { bus, letters, service } = await open();
    await letters.put(dead(0));
    await bus.close();
    await expect(service.replay({})).rejects.toMatchObject({ code: 'bus_unavailable' });
    expect((await service.list({})).deadLetters).toHaveLength(1);
  });

  it('refuses a cursor of another list', async () => {
    const { letters, service } = await open();
    for (let i = 0; i < 2; i += 1) await letters.put(dead(i));
    const { cursor } = await service.list({ limit: 1 });
    expect((await service.list({ limit: 1, cursor })).deadLetters[0]!.source.offset).toBe(1);
    await expect(service.list({ limit: 1, cursor, reason: 'failing' })).rejects.toMatchObject({ code: 'bad_cursor' });
    await expect(service.replay({ limit: 1, cursor })).rejects.toMatchObject({ code: 'bad_cursor' });
  });
});
