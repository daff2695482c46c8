import 'reflect-metadata';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { of, type Observable } from 'rxjs';
import { CodedError } from '@app/protocol';
import { createLog, ManualClock, Metrics, silentLog } from '@app/runtime';
import { answer } from './answer.js';
import type { Contract } from './contract.js';
import { Kind, frameHead } from './frame.js';
import { handshakeVersion, nonceBytes, proofOf } from './handshake.js';
import { RpcClient } from './rpc.client.js';
import { RpcError } from './rpc.error.js';
import { rpcPortOf, rpcServerOptions } from './rpc.options.js';

const raw = {
  encode: (bytes: Buffer) => bytes,
  decode: (bytes: Uint8Array) => Buffer.from(bytes),
};
const contract = (pattern: string): Contract<Buffer, Buffer> => ({ pattern, request: raw, response: raw });
const echo = contract('echo');
const badBody: Contract<Buffer, Buffer> = {
  ...contract('picky'),
  request: { ...raw, decode: () => expectNever() },
};
const expectNever = (): never => {
  throw new Error('cannot be decoded');
};

const started: number[] = [];
let released: (() => void)[] = [];

@Controller()
class Echo {
  @MessagePattern('echo')
  echo(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(echo, bytes, (request) => request);
  }

  @MessagePattern('shuffled')
  shuffled(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(echo, bytes, async (request) => {
      started.push(request.readUInt32BE(0));
      await new Promise<void>((resolve) => released.push(resolve));
      return request;
    });
  }

  @MessagePattern('never')
  never(): Promise<Buffer> {
    return new Promise(() => {});
  }

  @MessagePattern('picky')
  picky(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(badBody, bytes, (request) => request);
  }

  @MessagePattern('coded')
  coded(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(echo, bytes, () => {
      throw new CodedError('bad_name', 'not that name');
    });
  }

  @MessagePattern('stream')
  stream(): Observable<Buffer> {
    return of(Buffer.from('by a stream'));
  }

  @MessagePattern('silent')
  silent(): void {}

  @MessagePattern('boom')
  boom(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(echo, bytes, () => {
      throw new Error('a secret of ours');
    });
  }
}

@Module({ controllers: [Echo] })
class EchoModule {}

interface Served {
  app: INestMicroservice;
  port: number;
  metrics: Metrics;
  clock: ManualClock;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  started.length = 0;
  released = [];
});

async function serve(secret: string, options: { maxFrameBytes?: number } = {}): Promise<Served> {
  const metrics = new Metrics();
  const clock = new ManualClock();
  const app = await NestFactory.createMicroservice(EchoModule, {
    ...rpcServerOptions({ host: '127.0.0.1', port: 0, secret, log: silentLog, metrics, clock, ...options }),
    logger: false,
  });
  await app.listen();
  cleanups.push(() => app.close());
  return { app, port: rpcPortOf(app), metrics, clock };
}

function clientOf(port: number, secret: string, clock?: ManualClock): RpcClient {
  const client = new RpcClient({ host: '127.0.0.1', port, secret, log: createLog('silent'), ...(clock && { clock }) });
  cleanups.push(() => client.close());
  return client;
}

async function stranger(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const closed = (socket: Socket) => once(socket.resume(), 'close');

async function refusedFor(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.counter('skylark_rpc_refused_total', '', ['reason']).get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
}

const head = (kind: Kind, pattern: string, id: string, length: number) =>
  frameHead({ kind, pattern, id, last: false, empty: false }, length);

/** Speaks the client's side of the handshake by hand, so that what follows can be any bytes. */
async function admitted(port: number, secret: string): Promise<Socket> {
  const socket = await stranger(port);
  const [challenge] = (await once(socket, 'data')) as [Buffer];
  const serverNonce = challenge.subarray(-nonceBytes);
  const nonce = Buffer.alloc(nonceBytes, 7);
  const proof = Buffer.concat([nonce, proofOf(secret, 'client', serverNonce, nonce)]);
  socket.write(Buffer.concat([head(Kind.proof, '', '', proof.length), proof]));
  await once(socket, 'data');
  return socket;
}

const number = (n: number, size = 300) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32BE(n);
  return bytes;
};

describe('rpc', () => {
  it.each(['', 'a secret'])('carries bytes as they are (secret "%s")', async (secret) => {
    const { port } = await serve(secret);
    const client = clientOf(port, secret);
    const bytes = Buffer.from([0, 255, 35, 10, 0]);
    expect(await client.call(echo, bytes, 5_000)).toEqual(bytes);
    expect(await client.call(echo, Buffer.alloc(0), 5_000)).toEqual(Buffer.alloc(0));
    expect(client.isUp).toBe(true);
  });

  it('matches 500 answers in flight, whatever order they come in, and starts them in the order asked', async () => {
    const { port } = await serve('s');
    const client = clientOf(port, 's');
    const calls = Array.from({ length: 500 }, (_, n) => client.call(contract('shuffled'), number(n), 10_000));
    while (released.length < 500) await new Promise((resolve) => setImmediate(resolve));
    for (const release of released.toReversed()) release();
    const answers = await Promise.all(calls);
    expect(answers.map((bytes) => bytes.readUInt32BE(0))).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(started).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it("takes the value of a handler's stream for its answer, and says so when there is none", async () => {
    const { port } = await serve('s');
    const client = clientOf(port, 's');
    expect((await client.call(contract('stream'), number(1), 5_000)).toString()).toBe('by a stream');
    await expect(client.call(contract('silent'), number(1), 5_000)).rejects.toMatchObject({ code: 'internal' });
    expect(await client.call(echo, number(2), 5_000)).toEqual(number(2));
  });

  it('carries a frame of several megabytes', async () => {
    const { port } = await serve('s');
    const bytes = Buffer.alloc(5_000_000, 'abc');
    expect((await clientOf(port, 's').call(echo, bytes, 10_000)).equals(bytes)).toBe(true);
  });

  it('reads a request that comes byte by byte', async () => {
    const { port } = await serve('s');
    const socket = await admitted(port, 's');
    socket.setNoDelay(true);
    const frame = Buffer.concat([head(Kind.request, 'echo', 'id1', 3), Buffer.from('abc')]);
    for (const byte of frame) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [response] = (await once(socket, 'data')) as [Buffer];
    expect(response.subarray(-3).toString()).toBe('abc');
  });

  it.each([
    ['a wrong secret', 'other'],
    ['no secret', ''],
  ])('refuses a client with %s, and says so to both', async (_, secret) => {
    const { port, metrics } = await serve('right');
    const call = clientOf(port, secret).call(echo, number(1), 5_000);
    await expect(call).rejects.toMatchObject({ name: 'RpcError', failure: 'unreachable' });
    expect(await refusedFor(metrics)).toEqual({ proof: 1 });
    expect(await clientOf(port, 'right').call(echo, number(2), 5_000)).toEqual(number(2));
  });

  it('refuses a server without the secret, even one that lets everybody in', async () => {
    const { port } = await serve('');
    await expect(clientOf(port, 'right').call(echo, number(1), 5_000)).rejects.toMatchObject({
      failure: 'unreachable',
    });

    const sent: Buffer[] = [];
    const impostor = createServer((socket) => {
      const nonce = Buffer.alloc(nonceBytes, 1);
      socket.on('error', () => {});
      socket.write(Buffer.concat([head(Kind.challenge, handshakeVersion, '', nonceBytes), nonce]));
      socket.on('data', (bytes) => {
        sent.push(bytes);
        socket.write(Buffer.concat([head(Kind.welcome, '', '', 32), Buffer.alloc(32)]));
      });
    });
    const call = clientOf(await listening(impostor), 'right').call(echo, number(77), 5_000);
    await expect(call).rejects.toMatchObject({
      failure: 'unreachable',
      message: expect.stringContaining('RPC_SECRET'),
    });
    expect(Buffer.concat(sent).includes('echo')).toBe(false);
  });

  it('closes whoever sends a request before the proof', async () => {
    const { port, metrics } = await serve('');
    const socket = await stranger(port);
    socket.write(Buffer.concat([head(Kind.request, 'echo', 'id1', 1), Buffer.of(1)]));
    await closed(socket);
    expect(await refusedFor(metrics)).toEqual({ proof: 1 });
  });

  it('closes whoever says nothing for five seconds', async () => {
    const { port, metrics, clock } = await serve('');
    const socket = await stranger(port);
    await once(socket, 'data');
    clock.advance(5_000);
    await closed(socket);
    expect(await refusedFor(metrics)).toEqual({ silent: 1 });
  });

  it('leaves those alone who have proved themselves', async () => {
    const { port, clock } = await serve('s');
    const client = clientOf(port, 's');
    await client.call(echo, number(1), 5_000);
    clock.advance(60_000);
    expect(await client.call(echo, number(2), 5_000)).toEqual(number(2));
  });

  it.each([
    ['a huge length', Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
    ['a length of nothing', Buffer.from([0, 0, 0, 0, 1, 2, 3])],
    ['an id longer than its frame', Buffer.from([0, 0, 0, 3, 0, 250, 0])],
    ['a pattern longer than its frame', Buffer.from([0, 0, 0, 3, 0, 0, 250])],
    ['an unknown kind', Buffer.from([0, 0, 0, 3, 15, 0, 0])],
    ['an answer to nothing', Buffer.concat([head(Kind.response, '', 'x', 0)])],
    ['text', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ])('closes the socket that brings %s, and no other', async (_, bytes) => {
    const { port, metrics } = await serve('s');
    const good = clientOf(port, 's');
    await good.call(echo, number(1), 5_000);

    const bad = await admitted(port, 's');
    bad.write(bytes);
    await closed(bad);
    const worse = await stranger(port);
    worse.write(bytes);
    await closed(worse);

    expect(await good.call(echo, number(2), 5_000)).toEqual(number(2));
    const refused = await refusedFor(metrics);
    expect((refused.malformed ?? 0) + (refused.proof ?? 0)).toBe(2);
  });

  it('waits for the rest of a truncated frame without harm to others', async () => {
    const { port } = await serve('s');
    const socket = await admitted(port, 's');
    socket.write(head(Kind.request, 'echo', 'id1', 1_000));
    expect(await clientOf(port, 's').call(echo, number(1), 5_000)).toEqual(number(1));
    socket.end();
    await closed(socket);
    expect(await clientOf(port, 's').call(echo, number(2), 5_000)).toEqual(number(2));
  });

  it('rejects a call that is not answered in time, and the next one is answered', async () => {
    const { port } = await serve('s');
    const clock = new ManualClock();
    const client = clientOf(port, 's', clock);
    await client.call(echo, number(1), 5_000);
    const call = client.call(contract('never'), number(1), 2_000);
    clock.advance(1_999);
    clock.advance(1);
    await expect(call).rejects.toMatchObject({ failure: 'timeout' });
    expect(await client.call(echo, number(2), 5_000)).toEqual(number(2));
  });

  it('rejects what waits at once when the connection is lost, and the next call where nobody listens', async () => {
    const { app, port } = await serve('s');
    const client = clientOf(port, 's');
    await client.call(echo, number(1), 5_000);
    const down = new Promise<void>((resolve) => client.onDown(resolve));
    const failed = client.call(contract('never'), number(1), 60_000).catch((error: unknown) => error);
    await app.close();
    expect(await failed).toMatchObject({ failure: 'lost' });
    await down;
    expect(client.isUp).toBe(false);
    await expect(client.call(echo, number(2), 60_000)).rejects.toMatchObject({ failure: 'unreachable' });
  });

  it('comes back by itself to a server that is there again', async () => {
    const { port } = await serve('s');
    const client = clientOf(port, 's');
    const sockets: Socket[] = [];
    const relay = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      near.on('error', () => {}).pipe(far.on('error', () => {}));
      far.pipe(near);
      sockets.push(near, far);
    });
    const relayed = clientOf(await listening(relay), 's');
    await relayed.call(echo, number(1), 5_000);
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => relayed.onDown(resolve));
    expect(await relayed.call(echo, number(2), 5_000)).toEqual(number(2));
    expect(await client.call(echo, number(3), 5_000)).toEqual(number(3));
    for (const socket of sockets) socket.destroy();
  });

  it('rejects what waits when the client is closed, connecting or not', async () => {
    const silent = createServer(() => {});
    const client = clientOf(await listening(silent), 's');
    const call = client.call(echo, number(1), 60_000);
    client.close();
    await expect(call).rejects.toMatchObject({ failure: 'closed' });
    await expect(client.call(echo, number(1), 60_000)).rejects.toMatchObject({ failure: 'closed' });
  });

  it('gives up on a peer that accepts and never speaks', async () => {
    const held: Socket[] = [];
    const silent = createServer((socket) => held.push(socket));
    const clock = new ManualClock();
    const port = await listening(silent);
    const client = clientOf(port, 's', clock);
    const failed = client.call(echo, number(1), 60_000).catch((error: unknown) => error);
    await once(silent, 'connection');
    clock.advance(5_000);
    expect(await failed).toMatchObject({ failure: 'unreachable' });
    for (const socket of held) socket.destroy();
  });

  it.each([
    ['picky', 'malformed'],
    ['coded', 'bad_name'],
    ['boom', 'internal'],
    ['no such thing', 'internal'],
  ])('tells the caller of %s: %s', async (pattern, code) => {
    const { port } = await serve('s');
    const failed = await clientOf(port, 's')
      .call(contract(pattern), number(1), 5_000)
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RpcError);
    expect(failed).toMatchObject({ failure: 'remote', code });
    expect((failed as Error).message).not.toContain('a secret of ours');
  });

  it('says why it cannot listen', async () => {
    const { port } = await serve('s');
    const second = await NestFactory.createMicroservice(EchoModule, {
      ...rpcServerOptions({ host: '127.0.0.1', port, secret: '', log: silentLog, metrics: new Metrics() }),
      logger: false,
    });
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}
