/** A Nest controller on Fastify that takes the body and does nothing. */
import 'reflect-metadata';
import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';

@Controller()
class PushController {
  @Post('/v1/push/rooms')
  @HttpCode(202)
  push(@Body() body: { rooms: string[] }): object {
    return { id: body.rooms[0], acceptedAt: new Date() };
  }
}

@Module({ controllers: [PushController] })
class PushModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(PushModule, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  process.send?.({ port: (app.getHttpServer().address() as AddressInfo).port });
}

void main();
