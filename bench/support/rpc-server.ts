/** A gateway's RPC door with nothing behind it but the check of what came. */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { DeliveryAck, DeliveryBatch } from '@app/protocol/wires';
import { Refusal } from '@app/protocol/wires';
import { answer, deliver, rpcPortOf, rpcServerOptions } from '@app/rpc';
import { Metrics, silentLog } from '@app/runtime';
import { Receipt } from './receipt.js';

const receipt = new Receipt();
const x = 'x'.charCodeAt(0);

@Controller()
class DeliveryController {
  @MessagePattern(deliver.pattern)
  take(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(deliver, bytes, ({ deliveries }: DeliveryBatch): DeliveryAck => {
      for (const { offset, body } of deliveries) receipt.take(offset, body.length, body.at(-1) === x);
      return { taken: receipt.last, refused: Refusal.none, gone: [] };
    });
  }
}

@Module({ controllers: [DeliveryController] })
class DeliveryModule {}

async function main(): Promise<void> {
  const settings = { host: '127.0.0.1', port: 0, secret: 'bench', log: silentLog, metrics: new Metrics() };
  const app = await NestFactory.createMicroservice(DeliveryModule, { ...rpcServerOptions(settings), logger: false });
  await app.listen();
  process.send?.({ port: rpcPortOf(app) });
}

void main();
