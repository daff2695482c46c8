import 'reflect-metadata';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as tlsConnect, createServer as createTlsServer } from 'node:tls';
import { readFileSync } from 'node:fs';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { answer, RpcClient, rpcPortOf, rpcServerOptions, type Contract, type RpcTls } from '@app/rpc';
import { ManualClock, Metrics, silentLog, TlsFiles, type Log } from '@app/runtime';
import { Kind, frameHead } from '../../libs/rpc/src/frame.js';
import { handshakeVersion, nonceBytes, proofOf } from '../../libs/rpc/src/handshake.js';
import { Authority, type Certificate } from '../support/certificates.js';
import { until } from '../support/until.js';

const raw = { encode: (bytes: Buffer) => bytes, decode: (bytes: Uint8Array) => Buffer.from(bytes) };
const echo: Contract<Buffer, Buffer> = { pattern: 'echo', request: raw, response: raw };

@Controller()
class Echo {
  @MessagePattern('echo')
  echo(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(echo, bytes, (request) => request);
  }
}

@Module({ controllers: [Echo] })
class EchoModule {}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function listening(said: object[]): Log {
  const warn = (fields: object) => void said.push(fields);
  return Object.assign(Object.create(silentLog) as Log, { warn, error: warn, child: () => listening(said) });
}

async function serve(secret: string, options: { tls?: RpcTls; maxNewcomers?: number; clock?: ManualClock } = {}) {
  const metrics = new Metrics();
  const said: object[] = [];
  const app = await NestFactory.createMicroservice(EchoModule, {
    ...rpcServerOptions({ host: '127.0.0.1', port: 0, secret, log: listening(said), metrics, ...options }),
    logger: false,
  });
  await app.listen();
  cleanups.push(() => app.close());
  const refused = async () => {
    const { values } = await metrics.counter('skylark_rpc_refused_total', '', ['reason']).get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels['reason']), value]));
  };
  return { port: rpcPortOf(app), refused, said };
}

function clientOf(port: number, secret: string, tls?: RpcTls): RpcClient {
  const client = new RpcClient({ host: '127.0.0.1', port, secret, tls, log: silentLog });
  cleanups.push(() => client.close());
  return client;
}

const ask = (client: RpcClient) => client.call(echo, Buffer.from('hello'), 10_000).then(String);

async function stranger(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const frame = (kind: Kind, bytes: Buffer, pattern = '') =>
  Buffer.concat([frameHead({ kind, pattern, id: '', last: false, empty: false }, bytes.length), bytes]);

const filesOf = (certificate: Certificate): RpcTls => ({ files: new TlsFiles(certificate) });

describe('the handshake of RPC, attacked', () => {
  it('lets nobody in by what it heard another say', async () => {
    const { port, refused } = await serve('s');
    const heard: Buffer[] = [];
    const tap = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      near.on('error', () => {}).on('data', (bytes) => heard.push(bytes));
      near.pipe(far.on('error', () => {})).pipe(near);
    });
    expect(await ask(clientOf(await portOf(tap), 's'))).toBe('hello');
    const again = await stranger(port);
    again.resume().write(heard[0]!);
    await once(again, 'close');
    expect(await refused()).toEqual({ proof: 1 });
  });

  it('takes no proof of its own back', async () => {
    const { port, refused } = await serve('s');
    const socket = await stranger(port);
    const [challenge] = (await once(socket, 'data')) as [Buffer];
    const nonce = challenge.subarray(-nonceBytes);
    // The server's own role over the same nonces, as if it had been made to say it.
    socket.resume().write(frame(Kind.proof, Buffer.concat([nonce, proofOf('s', 'server', nonce, nonce)])));
    await once(socket, 'close');
    expect(await refused()).toEqual({ proof: 1 });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a nonce without a proof', Buffer.alloc(nonceBytes)],
    ['a proof cut short', Buffer.alloc(nonceBytes + 31)],
    ['one of the empty secret', Buffer.from('empty')],
  ])('is not content with %s', async (_, bytes) => {
    const { port, refused } = await serve('s');
    const socket = await stranger(port);
    const [challenge] = (await once(socket, 'data')) as [Buffer];
    const server = challenge.subarray(-nonceBytes);
    const mine = Buffer.alloc(nonceBytes, 1);
    const said = bytes.equals(Buffer.from('empty'))
      ? Buffer.concat([mine, proofOf('', 'client', server, mine)])
      : bytes;
    socket.resume().write(frame(Kind.proof, said));
    await once(socket, 'close');
    expect(await refused()).toEqual({ proof: 1 });
  });

  it('takes no frame longer than a proof before the proof, and waits five seconds for the rest of one', async () => {
    const clock = new ManualClock();
    const { port, refused } = await serve('s', { clock });
    const large = await stranger(port);
    large.resume().write(frameHead({ kind: Kind.proof, pattern: '', id: '', last: false, empty: false }, 1_000_000));
    await once(large, 'close');
    const half = await stranger(port);
    await once(half, 'data');
    half.resume().write(frame(Kind.proof, Buffer.alloc(64)).subarray(0, 40));
    expect(await ask(clientOf(port, 's'))).toBe('hello');
    clock.advance(5_000);
    await once(half, 'close');
    expect(await refused()).toEqual({ malformed: 1, silent: 1 });
  });

  it('shows no request to a server of an older or other handshake', async () => {
    const sent: Buffer[] = [];
    const other = createServer((socket) => {
      socket.on('error', () => {}).on('data', (bytes) => sent.push(bytes));
      socket.write(frame(Kind.challenge, Buffer.alloc(nonceBytes), handshakeVersion.replace('1', '0')));
    });
    await expect(ask(clientOf(await portOf(other), 's'))).rejects.toThrow(`does not speak ${handshakeVersion}`);
    expect(sent).toEqual([]);
  });

  it('serves its own while strangers hold more connections than may wait, and warns once a second', async () => {
    const { port, refused, said } = await serve('s', { maxNewcomers: 20, clock: new ManualClock() });
    const mine = clientOf(port, 's');
    expect(await ask(mine)).toBe('hello');
    await Promise.all(Array.from({ length: 200 }, () => stranger(port)));
    await until(async () => (await refused())['crowd'] === 180, 'the oldest to be dropped');
    expect(await ask(mine)).toBe('hello');
    expect(await ask(clientOf(port, 's'))).toBe('hello');
    expect(said).toHaveLength(1);
  });
});

describe('the secret of RPC, changed while processes run', () => {
  it.each([
    ['old', 'old,new'],
    ['old,new', 'new,old'],
    ['new,old', 'new'],
  ])('"%s" next to "%s"', async (before, after) => {
    for (const [server, client] of [
      [before, after],
      [after, before],
    ] as const) {
      const { port } = await serve(server);
      expect(await ask(clientOf(port, client))).toBe('hello');
    }
  });

  it('believes a secret no more that was taken out', async () => {
    const { port } = await serve('new');
    await expect(ask(clientOf(port, 'old,new'))).rejects.toMatchObject({ failure: expect.stringMatching(/lost|unre/) });
  });
});

describe('TLS of RPC', () => {
  let authority: Authority;
  let certificate: Certificate;
  beforeAll(async () => {
    authority = await Authority.create();
    certificate = await authority.issue();
  });
  afterAll(() => authority[Symbol.asyncDispose]());

  it('carries calls between two that have certificates of one authority', async () => {
    const { port } = await serve('s', { tls: filesOf(certificate) });
    const client = clientOf(port, 's', filesOf(await authority.issue()));
    expect(await ask(client)).toBe('hello');
    const large = Buffer.alloc(3_000_000, 'abc');
    expect((await client.call(echo, large, 10_000)).equals(large)).toBe(true);
  });

  it('asks for one name instead of the address, where it is set', async () => {
    const named = await authority.issue('DNS:skylark.test');
    const { port } = await serve('s', { tls: filesOf(named) });
    expect(await ask(clientOf(port, 's', { ...filesOf(certificate), name: 'skylark.test' }))).toBe('hello');
    await expect(ask(clientOf(port, 's', filesOf(certificate)))).rejects.toThrow(/altnames/);
  });

  it('refuses those of another authority, those without, and those who speak in the clear', async () => {
    await using others = await Authority.create();
    const foreign = await others.issue();
    const mixed = { ...foreign, ca: certificate.ca };
    const { port, refused } = await serve('s', { tls: filesOf(certificate) });
    // Whoever connects says why: the server's certificate is not believed.
    await expect(ask(clientOf(port, 's', filesOf(foreign)))).rejects.toThrow(/certificate|signature/);
    await expect(ask(clientOf(port, 's', filesOf(mixed)))).rejects.toMatchObject({ name: 'RpcError' });
    await expect(ask(clientOf(port, 's'))).rejects.toMatchObject({ name: 'RpcError' });
    const bare = tlsConnect({ port, host: '127.0.0.1', ca: readFileSync(certificate.ca) });
    bare.on('error', () => {}).resume();
    await new Promise((resolve) => bare.once('close', resolve));
    await until(async () => ((await refused())['tls'] ?? 0) >= 3, 'the refusals to be counted');
    expect(await ask(clientOf(port, 's', filesOf(certificate)))).toBe('hello');
  });

  it('does not fall back to the clear when the other end has no TLS', async () => {
    const { port } = await serve('s');
    await expect(ask(clientOf(port, 's', filesOf(certificate)))).rejects.toMatchObject({ name: 'RpcError' });
  });

  it('refuses a proof that a relay passes on, though it has a certificate of ours', async () => {
    const { port, refused } = await serve('s', { tls: filesOf(certificate) });
    const material = {
      ca: readFileSync(certificate.ca),
      cert: readFileSync(certificate.cert),
      key: readFileSync(certificate.key),
    };
    const relay = createTlsServer({ ...material, requestCert: true }, (near) => {
      const far = tlsConnect({ ...material, port, host: '127.0.0.1' });
      near.on('error', () => {}).on('close', () => far.destroy());
      far.on('error', () => {}).on('close', () => near.destroy());
      near.pipe(far);
      far.pipe(near);
    });
    const relayPort = await portOf(relay);
    await expect(ask(clientOf(relayPort, 's', filesOf(certificate)))).rejects.toMatchObject({ name: 'RpcError' });
    expect(await refused()).toEqual({ proof: 1 });
  });

  it('shows newcomers a renewed certificate without a restart, and keeps the last one when the new is unusable', async () => {
    const paths = {
      ca: authority.ca,
      cert: join(authority.folder, 'live.pem'),
      key: join(authority.folder, 'live.key'),
    };
    const put = async ({ cert, key }: { cert: string; key: string }) => {
      await cp(key, paths.key);
      await cp(cert, paths.cert);
    };
    await put(certificate);
    const { port, said } = await serve('s', { tls: filesOf(paths) });
    const shown = async () => {
      const socket = tlsConnect({
        port,
        host: '127.0.0.1',
        ca: readFileSync(authority.ca),
        cert: readFileSync(certificate.cert),
        key: readFileSync(certificate.key),
      });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const staying = clientOf(port, 's', filesOf(paths));
    expect(await ask(staying)).toBe('hello');
    const first = await shown();
    const renewed = await authority.issue();
    await put(renewed);
    const second = await shown();
    expect(second).not.toBe(first);
    expect(await ask(staying)).toBe('hello');

    await cp(certificate.key, paths.key); // not the key of the certificate
    expect(await shown()).toBe(second);
    expect(await shown()).toBe(second);
    expect(said.filter((fields) => 'why' in fields)).toHaveLength(1);
    await put(certificate);
    expect(await shown()).toBe(first);
  });
});
