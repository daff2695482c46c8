/**
 * The baseline: a WebSocket server as one writes it on a first afternoon with `ws`. It gets its pushes by the same RPC as
 * a gateway does, makes the frame's text once, and calls `send` for every client of the room.
 */
import { WebSocketServer, type WebSocket } from 'ws';
import type { AddressInfo } from 'node:net';
import { openPushDoor } from '../support/rpc-door.js';

const rooms = new Map<string, Set<WebSocket>>();

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

const door = await openPushDoor((message) => {
  const text = JSON.stringify(message);
  for (const socket of rooms.get(message.channel) ?? []) socket.send(text);
});
process.send?.({ port: (server.address() as AddressInfo).port, ...door });
