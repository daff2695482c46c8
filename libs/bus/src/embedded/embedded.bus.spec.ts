import { BusUnavailableError } from '../bus.js';
import { Taking, describeBus, numbers, record } from '../bus.contract.js';
import { EmbeddedBus } from './embedded.bus.js';

describeBus('embedded', async () => {
  const bus = new EmbeddedBus({ shards: 4, maxBytes: 1_000_000 });
  await bus.open();
  return { bus, tooManyBytes: 1_000_000, dispose: async () => {} };
});

async function open(maxBytes?: number): Promise<EmbeddedBus> {
  const bus = new EmbeddedBus({ shards: 2, maxBytes });
  await bus.open();
  return bus;
}

describe('embedded bus', () => {
  it('says that it is not durable, and lives once per instance', async () => {
    const lives = new Set<string>();
    for (const bus of [await open(), await open()]) {
      expect(bus.durable).toBe(false);
      const taking = new Taking();
      await bus.consume(taking);
      await bus.publish([record(0, 'a')]);
      await taking.when(() => taking.calls.length === 1);
      expect(taking.shards.get(0)!.ownerEpoch).toBe(1);
      lives.add(taking.shards.get(0)!.life);
    }
    expect(lives.size).toBe(2);
  });

  it('is full until something is committed, and then takes again', async () => {
    const bus = await open(1_000);
    const taking = new Taking();
    taking.commits = false;
    await bus.consume(taking);
    const big = { shard: 1, key: 'k', value: Buffer.alloc(800) };
    await bus.publish([big]);
    await expect(bus.publish([big])).rejects.toThrow(BusUnavailableError);
    await taking.when(() => taking.calls.length === 1);
    await expect(bus.publish([big])).rejects.toThrow(/full/);

    taking.shards.get(1)!.commit(1);
    await bus.publish([big]);
    await taking.when(() => taking.calls.length === 2);
    expect(taking.calls[1]!.entries[0]!.offset).toBe(1);
  });

  it('counts empty records too', async () => {
    const bus = await open(1_000);
    const empty = numbers(1, 100).map(() => record(0, ''));
    await expect(bus.publish(empty)).rejects.toThrow(BusUnavailableError);
  });

  it('says that it is full for readiness', async () => {
    const bus = await open(864);
    await bus.publish([{ shard: 0, key: 'k', value: Buffer.alloc(800) }]);
    expect(await bus.problem()).toMatch(/full/);
  });

  it('refuses before it is open', async () => {
    const bus = new EmbeddedBus({ shards: 1 });
    await expect(bus.publish([record(0, 'x')])).rejects.toThrow(BusUnavailableError);
    expect(await bus.problem()).toMatch(/not open/);
  });

  it('stops repeating what is not taken when it is closed', async () => {
    const bus = await open();
    const taking = new Taking();
    taking.refuse = Infinity;
    await bus.consume(taking);
    await bus.publish([record(0, 'x')]);
    await taking.when(() => taking.calls.length === 1);
    await bus.close();
    expect(taking.shards.get(0)!.signal.aborted).toBe(true);
  });

  it('hands nothing over while a shard is paused', async () => {
    const bus = await open();
    const taking = new Taking();
    await bus.consume(taking);
    await bus.publish([record(0, 'first')]);
    await taking.when(() => taking.calls.length === 1);
    taking.shards.get(0)!.pause();
    await bus.publish([record(0, 'held'), record(1, 'other')]);
    await taking.when(() => taking.values(1).length === 1);
    expect(taking.values(0)).toEqual(['first']);
  });
});
