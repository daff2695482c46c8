/** A Nest microservice on its TCP transport as it comes: JSON in, JSON out. It checks what it takes. */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload, Transport } from '@nestjs/microservices';
import type { AddressInfo, Server } from 'node:net';
import { Receipt } from '../support/receipt.js';

const receipt = new Receipt();

@Controller()
class DeliveryController {
  @MessagePattern('deliver')
  take(@Payload() deliveries: { offset: number; body: string }[]): { taken: number } {
    for (const { offset, body } of deliveries) receipt.take(offset, body.length, body.endsWith('x'));
    return { taken: receipt.last };
  }
}

@Module({ controllers: [DeliveryController] })
class DeliveryModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createMicroservice(DeliveryModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
    logger: false,
  });
  await app.listen();
  process.send?.({ port: (app.unwrap<Server>().address() as AddressInfo).port });
}

void main();
