/** The baseline with socket.io: its rooms, WebSocket alone, its defaults. Nobody is asked whether he is still there, as with Skylark's. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { openPushDoor } from '../support/rpc-door.js';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], pingInterval: 3_600_000 });
let serial = 0;
io.on('connection', (socket) => {
  const rooms = String(socket.handshake.query.rooms ?? '').split(',');
  void socket.join(rooms.map((room) => `room:${room}`));
  socket.emit('push', { type: 100, data: { connectionId: `socketio~1~${serial++}` } });
});
await new Promise<void>((resolve) => http.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, resolve));

const door = await openPushDoor((message) => io.to(message.channel).emit('push', message));
process.send?.({ port: (http.address() as AddressInfo).port, socketIo: true, ...door });
