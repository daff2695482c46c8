/**
 * A push server as one writes it on a first afternoon: an HTTP server and `ws` in one process. POST brings one push or several,
 * the frame's text is made once, and `send` called for every client of the room. It takes the bodies that Skylark takes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

interface Push {
  rooms: string[];
  type: number;
  data: unknown;
}

const rooms = new Map<string, Set<WebSocket>>();
let serial = 0;

function push({ rooms: names, type, data }: Push): void {
  const id = String((serial += 1));
  for (const room of names) {
    const frame = JSON.stringify({ type, data, id, channel: `room:${room}`, offset: serial });
    for (const socket of rooms.get(room) ?? []) socket.send(frame);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Push & { pushes?: Push[] }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Push;
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  for (const one of body.pushes ?? [body]) push(one);
  response.writeHead(body.pushes ? 200 : 202, { 'content-type': 'application/json' });
  response.end('{}');
}

const http = createServer((request, response) => void take(request, response));

const server = new WebSocketServer({ server: http });
server.on('connection', (socket, request) => {
  const names = new URL(request.url ?? '', 'ws://x').searchParams.get('rooms')?.split(',') ?? [];
  for (const name of names) rooms.set(name, (rooms.get(name) ?? new Set()).add(socket));
  socket.on('close', () => {
    for (const name of names) rooms.get(name)?.delete(socket);
  });
  socket.on('error', () => {});
  socket.send(JSON.stringify({ type: 100, data: {} }));
});
http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  process.send?.({ port: (http.address() as AddressInfo).port }),
);
