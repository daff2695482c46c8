/** `ws` with a token to come in by (HS256, checked by hand as its README shows `verifyClient`), one room, and a welcome. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { jwtSecret } from '../support/login.js';

const rooms = new Map<string, Set<WebSocket>>();
const users = new Map<string, Set<WebSocket>>();

function userOf(authorization = ''): string | undefined {
  const [head, claims, signature] = authorization.replace('Bearer ', '').split('.');
  const wanted = createHmac('sha256', jwtSecret).update(`${head}.${claims}`).digest();
  const shown = Buffer.from(signature ?? '', 'base64url');
  if (shown.length !== wanted.length || !timingSafeEqual(shown, wanted)) return undefined;
  const { sub, exp } = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as { sub: string; exp: number };
  return exp * 1000 > Date.now() ? sub : undefined;
}

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  backlog: 4096,
  verifyClient: ({ req }: { req: IncomingMessage }) => userOf(req.headers.authorization) !== undefined,
});
server.on('connection', (socket, request) => {
  const user = userOf(request.headers.authorization)!;
  const names = new URL(request.url ?? '', 'ws://x').searchParams.get('rooms')?.split(',') ?? [];
  for (const name of names) rooms.set(name, (rooms.get(name) ?? new Set()).add(socket));
  users.set(user, (users.get(user) ?? new Set()).add(socket));
  socket.on('close', () => {
    for (const name of names) rooms.get(name)?.delete(socket);
    users.get(user)?.delete(socket);
    if (users.get(user)?.size === 0) users.delete(user);
  });
  socket.on('error', () => {});
  socket.send(JSON.stringify({ type: 100, data: { user } }));
});
server.on('listening', () => process.send?.({ port: (server.address() as AddressInfo).port }));
