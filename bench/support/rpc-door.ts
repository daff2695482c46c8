/** A gateway's RPC door, with something else behind it. */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { bodyCodec, Refusal, type DeliveryAck, type DeliveryBatch } from '@app/protocol/wires';
import { answer, deliver, rpcPortOf, rpcServerOptions } from '@app/rpc';
import { Metrics, silentLog } from '@app/runtime';

/** Batches of deliveries go to `take`; answers where job finds the door. */
export async function openRpcDoor(
  take: (batch: DeliveryBatch) => DeliveryAck,
): Promise<{ rpcPort: number; rpcSecret: string }> {
  @Controller()
  class DeliveryController {
    @MessagePattern(deliver.pattern)
    take(@Payload() bytes: Uint8Array): Promise<Buffer> {
      return answer(deliver, bytes, take);
    }
  }

  @Module({ controllers: [DeliveryController] })
  class DeliveryModule {}

  const settings = { host: '127.0.0.1', port: 0, secret: 'bench', log: silentLog, metrics: new Metrics() };
  const app = await NestFactory.createMicroservice(DeliveryModule, { ...rpcServerOptions(settings), logger: false });
  await app.listen();
  return { rpcPort: rpcPortOf(app), rpcSecret: settings.secret };
}

/** What a push server hands to each member of a channel. */
export interface Pushed {
  type: number;
  data: unknown;
  id: string;
  channel: string;
  offset: number;
}

/** As {@link openRpcDoor}, one message at a time: it is for all who are in `message.channel`. */
export const openPushDoor = (push: (message: Pushed) => void): Promise<{ rpcPort: number; rpcSecret: string }> =>
  openRpcDoor(({ deliveries }) => {
    for (const { body, offset, steps } of deliveries) {
      const { id, type, payload } = bodyCodec.decode(body);
      const data: unknown = JSON.parse(Buffer.from(payload).toString());
      for (const { channel } of steps) push({ type, data, id, channel, offset });
    }
    return { taken: deliveries.at(-1)?.offset ?? -1, refused: Refusal.none, gone: [] };
  });
