/** A gateway as Nest's documentation shows it, with the `WsAdapter` as it comes; its parser takes the same PING as ours. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WebSocketServer, type OnGatewayConnection } from '@nestjs/websockets';
import type { AddressInfo } from 'node:net';
import type { Server, WebSocket } from 'ws';

@WebSocketGateway({ path: '/connect' })
class PingGateway implements OnGatewayConnection {
  @WebSocketServer() readonly server!: Server;

  handleConnection(socket: WebSocket): void {
    socket.send(JSON.stringify({ type: 100, data: {} }));
  }

  @SubscribeMessage(1)
  ping(): object {
    return { type: 1, data: 'PONG' };
  }
}

@Module({ providers: [PingGateway] })
class PingModule {}

const parse = (data: unknown) => {
  const { type, data: payload } = JSON.parse(String(data)) as { type: string; data: unknown };
  return { event: type, data: payload };
};

async function main(): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(PingModule, new FastifyAdapter(), { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app, { messageParser: parse }));
  await app.listen(0, '127.0.0.1');
  process.send?.({ port: (app.getHttpServer().address() as AddressInfo).port });
}

void main();
