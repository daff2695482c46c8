import { EventEmitter, once } from 'node:events';
import { throwError } from 'rxjs';
import { createBus, type OwnedShard, type ShardConsumer } from '@app/bus';
import { Metrics, silentLog } from '@app/runtime';
import { BusServer } from './records.server.js';

const entries = [{ offset: 0, value: Buffer.alloc(0) }];

const owned = { shard: 3 } as OwnedShard;

async function served() {
  const bus = createBus({ backend: 'embedded', shards: 1, log: silentLog, metrics: new Metrics() });
  const prepared: string[] = [];
  const server = new BusServer(bus, true, async (life) => void prepared.push(life));
  const consumer = await new Promise<ShardConsumer>((resolve) => {
    bus.consume = (given) => Promise.resolve(resolve(given));
    server.listen(() => {});
  });
  return { server, consumer, bus, prepared };
}

describe('BusServer', () => {
  it('prepares for the life of the bus before it asks for records', async () => {
    const { bus, prepared } = await served();
    expect(prepared).toEqual([bus.life]);
  });

  it('lets the bus wait for the handler', async () => {
    const { server, consumer } = await served();
    const handling = new EventEmitter();
    server.addHandler('records', () => once(handling, 'done') as never, true);
    let taken = false;
    const taking = consumer.take(owned, entries).then(() => (taken = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(false);
    handling.emit('done');
    await taking;
  });

  it('tells the bus of a failure, as Nest gives it back', async () => {
    const { server, consumer } = await served();
    server.addHandler('records', () => Promise.resolve(throwError(() => ({ status: 'error', message: 'no' }))), true);
    await expect(consumer.take(owned, entries)).rejects.toMatchObject({ message: 'no' });
  });
});
