import { WebSocketServer, type WebSocket } from 'ws';
import type { AddressInfo } from 'node:net';
import { Opcode, openRaw, rawFrame } from './raw-websocket.js';
import { connect, upgradeRefused } from './wire-client.js';

/** A server on a free port that greets with a welcome, echoes requests and does what `onText` says. */
async function serve(onText: (socket: WebSocket, text: string) => void = () => {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/connect' });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    socket.send('{"type":100,"data":{"connectionId":"n~1~1"}}');
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => onText(socket, data.toString()));
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    for (const socket of server.clients) socket.terminate();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url, [Symbol.asyncDispose]: close };
}

describe('the wire client', () => {
  it('gives out each packet once, also one that came with the upgrade', async () => {
    await using server = await serve((socket) => {
      for (const n of [1, 2, 3]) socket.send(JSON.stringify({ type: 5, data: n, id: 'x', channel: 'all', offset: n }));
    });
    await using client = await connect(`${server.url}/connect`);
    expect(await client.welcome()).toEqual({ connectionId: 'n~1~1' });
    client.send({ type: 200 });
    expect(await client.next((packet) => packet.data === 2)).toMatchObject({ data: 2 });
    expect(await client.next(5)).toMatchObject({ data: 1 });
    expect(await client.next(5)).toMatchObject({ data: 3 });
    expect(client.received('all').map((packet) => packet.offset)).toEqual([1, 2, 3]);
  });

  it('matches replies to requests', async () => {
    await using server = await serve((socket, text) => {
      const { ref } = JSON.parse(text) as { ref: string };
      socket.send(JSON.stringify({ type: 110, ref, data: ref }));
    });
    await using client = await connect(`${server.url}/connect`);
    const replies = await Promise.all([client.request({ type: 101 }), client.request({ type: 102 })]);
    expect(replies.map((reply) => reply.data)).toEqual(['r1', 'r2']);
  });

  it('says what came instead when the connection ends', async () => {
    await using server = await serve((socket) => socket.close(4403, 'forbidden'));
    await using client = await connect(`${server.url}/connect`);
    client.send('x');
    await expect(client.next(7)).rejects.toThrow(/4403 forbidden.*type 7[^]*"type":100/);
    expect(await client.closed).toEqual({ code: 4403, reason: 'forbidden' });
  });

  it('tells the HTTP answer to a refused upgrade', async () => {
    await using server = await serve();
    expect(await upgradeRefused(`${server.url}/elsewhere`)).toMatchObject({ status: 400 });
    await expect(upgradeRefused(`${server.url}/connect`)).rejects.toThrow('not refused');
  });
});

describe('the raw client', () => {
  it('sends what a decent client would not and sees how it is closed', async () => {
    await using server = await serve();
    using unmasked = await openRaw(`${server.url}/connect`);
    expect((await unmasked.next()).payload.toString()).toContain('"type":100');
    unmasked.send(rawFrame(Opcode.text, 'hi', { mask: false }));
    expect(await unmasked.closed).toEqual({ code: 1002, reason: '' });

    using mangled = await openRaw(`${server.url}/connect`);
    mangled.send(rawFrame(Opcode.text, Buffer.from([0xc3, 0x28])));
    expect(await mangled.closed).toEqual({ code: 1007, reason: '' });
  });
});
