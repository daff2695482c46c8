/**
 * The baseline: a WebSocket server as one writes it on a first afternoon with `ws`. It gets its pushes by the same RPC as
 * a gateway does, makes the frame's text once, and calls `send` for every client of the room.
 */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { bodyCodec, type DeliveryAck, type DeliveryBatch } from '@app/protocol/wires';
import { Metrics, silentLog } from '@app/runtime';
import { answer, deliver, rpcPortOf, rpcServerOptions } from '@app/rpc';
import { WebSocketServer, type WebSocket } from 'ws';
import type { AddressInfo } from 'node:net';

const rooms = new Map<string, Set<WebSocket>>();

function fanOut(batch: DeliveryBatch): DeliveryAck {
  for (const { body, offset, steps } of batch.deliveries) {
    const { id, type, payload } = bodyCodec.decode(body);
    for (const { channel } of steps) {
      const data: unknown = JSON.parse(Buffer.from(payload).toString());
      const message = JSON.stringify({ type, data, id, channel, offset });
      for (const socket of rooms.get(channel) ?? []) socket.send(message);
    }
  }
  return { taken: batch.deliveries.at(-1)?.offset ?? -1, refused: 0, gone: [] };
}

@Controller()
class DeliveryController {
  @MessagePattern(deliver.pattern)
  take(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(deliver, bytes, fanOut);
  }
}

@Module({ controllers: [DeliveryController] })
class NaiveModule {}

async function main(): Promise<void> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096 });
  let serial = 0;
  server.on('connection', (socket, request) => {
    const names = new URL(request.url ?? '', 'ws://x').searchParams.get('rooms')?.split(',') ?? [];
    for (const name of names) {
      const channel = `room:${name}`;
      rooms.set(channel, (rooms.get(channel) ?? new Set()).add(socket));
    }
    socket.on('close', () => {
      for (const name of names) rooms.get(`room:${name}`)?.delete(socket);
    });
    socket.on('error', () => {});
    socket.send(JSON.stringify({ type: 100, data: { connectionId: `naive~1~${serial++}` } }));
  });
  const settings = { host: '127.0.0.1', port: 0, secret: '', log: silentLog, metrics: new Metrics() };
  const rpc = await NestFactory.createMicroservice(NaiveModule, { ...rpcServerOptions(settings), logger: false });
  await rpc.listen();
  process.send?.({ port: (server.address() as AddressInfo).port, rpcPort: rpcPortOf(rpc), rpcSecret: settings.secret });
}

void main();
