/** Job's side of the wire: batches to a receiver, some on the way at once, by our RPC or by Nest's TCP client. */
import 'reflect-metadata';
import { ClientTCP } from '@nestjs/microservices';
import { deliver, RpcClient } from '@app/rpc';
import { silentLog } from '@app/runtime';
import { lastValueFrom } from 'rxjs';
import { messageBytes } from '../support/receipt.js';

export type Wire = 'rpc' | 'nest';
export interface ToSender {
  batch: number;
  seconds: number;
}
export interface FromSender {
  messages: number;
  seconds: number;
}

const [wire, port] = [process.argv[2] as Wire, Number(process.argv[3])];
/** As many as there are shards by default: each lane has one batch on the way. */
const onTheWay = 16;
const host = '127.0.0.1';
const steps = [{ channel: 'room:bench', devices: [], prev: -2 }];
let offset = 0;

/** Sends the next so many messages; answers the offset up to which they were taken. */
const send: (count: number) => Promise<number> = wire === 'rpc' ? byRpc() : byNest();

/** The next so many messages, all with one body. */
function nextOf<B>(count: number, body: B) {
  return Array.from({ length: count }, () => ({ offset: ++offset, steps, body, app: 'default', rate: 0 }));
}

function byRpc() {
  const client = new RpcClient({ host, port, secret: 'bench', log: silentLog });
  const body = Buffer.alloc(messageBytes, 'x');
  return async (count: number) => {
    const deliveries = nextOf(count, body);
    const batch = { epoch: 'e', incarnation: 'i', shard: 0, ownerEpoch: 1, deliveries };
    return (await client.call(deliver, batch, 60_000)).taken;
  };
}

function byNest() {
  const client = new ClientTCP({ host, port });
  const body = 'x'.repeat(messageBytes);
  return async (count: number) => {
    const deliveries = nextOf(count, body);
    return (await lastValueFrom(client.send<{ taken: number }>('deliver', deliveries))).taken;
  };
}

async function run({ batch, seconds }: ToSender): Promise<void> {
  const began = performance.now();
  const from = offset;
  let taken = from;
  const next = async () => {
    while (performance.now() - began < seconds * 1000) taken = Math.max(taken, await send(batch));
  };
  await Promise.all(Array.from({ length: onTheWay }, next));
  if (taken !== offset) throw new Error(`${wire}: of ${offset} messages ${taken} were taken`);
  process.send?.({ messages: offset - from, seconds: (performance.now() - began) / 1000 });
}

process.on('message', (message: ToSender) => void run(message));
