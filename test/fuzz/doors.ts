import { randomBytes } from 'node:crypto';
import { Opcode, rawFrame } from '../support/raw-websocket.js';
import { operationsOf, exampleOf, type OpenApi } from '../support/openapi.js';
import { BareSocket, endOfAnswer, statusesOf } from './bare-socket.js';
import { mutated, mutatedBytes, mutatedText, type Seeded } from './seeded.js';

/** One way into the system, knocked at by one worker. */
export interface Door {
  /** Sends one input (or a few that belong together) and waits until it is dealt with. Answers how many it sent. @throws when that was wrong */
  knock(random: Seeded, sent: (input: Buffer | string) => void): Promise<number>;
  close(): void;
}

/** Refusals have their codes; only a bug of ours is answered 500, and nothing here makes a backend fail. */
function judge(statuses: readonly number[]): void {
  const bad = statuses.find((status) => status >= 500 && status !== 501 && status !== 505);
  if (bad !== undefined) throw new Error(`answered ${bad}`);
}

/** Requests to REST: what the document shows, mutated, and what is no request at all. */
export function restDoor(port: number, spec: OpenApi): Door {
  const operations = operationsOf(spec);
  const others = ['/', '/docs', '/docs-json', '/health/ready', '/push/all', '/room/join', '/v1', '/nowhere'];
  let kept: BareSocket | undefined;
  const request = (random: Seeded): { head: string; body: Buffer } => {
    const operation = random.one(operations);
    const query = operation.queryParameters
      .filter(() => random.chance(40))
      .map(
        (parameter) =>
          `${parameter.name}=${encodeURIComponent(random.chance(50) ? exampleOf(parameter) : wellFormed(random.text(12)))}`,
      );
    const given = Object.fromEntries(
      operation.pathParameters.filter(() => random.chance(40)).map(({ name }) => [name, wellFormed(random.text(10))]),
    );
    const path = random.chance(5)
      ? random.one(others)
      : `${operation.url(given)}${query.length > 0 ? `?${query.join('&')}` : ''}`;
    const method = random.chance(95) ? operation.method : random.one(['GET', 'PUT', 'PATCH', 'OPTIONS', 'HEAD']);
    const json = JSON.stringify(mutated(random, random.one(operation.bodies))) ?? '';
    const hasBody = method !== 'HEAD' && (operation.bodyMedia !== undefined || random.chance(10));
    const text = random.chance(25) ? mutatedText(random, json) : json;
    const body = hasBody ? Buffer.from(text) : Buffer.alloc(0);
    const type = random.chance(95)
      ? 'application/json'
      : random.one(['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded']);
    const extra = random.chance(10) ? `\r\nX-App-Id: ${random.text(10).replace(/[^ -~]/g, '')}` : '';
    const mutatedPath = random.chance(10) ? mutatedText(random, path).replace(/[^!-~]/g, '') : path;
    const framed = hasBody ? `\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}` : '';
    return { head: `${method} ${mutatedPath || '/'} HTTP/1.1\r\nHost: localhost${extra}${framed}\r\n\r\n`, body };
  };
  return {
    async knock(random, sent) {
      const { head, body } = request(random);
      const whole = Buffer.concat([Buffer.from(head, 'latin1'), body]);
      if (random.chance(8)) {
        const broken = random.chance(80) ? mutatedBytes(random, whole) : random.bytes(300);
        sent(broken);
        const socket = await BareSocket.open(port);
        socket.end(broken);
        judge(statusesOf(await socket.readAll()));
        return 1;
      }
      sent(whole);
      if (kept === undefined || kept.isClosed) kept = await BareSocket.open(port);
      kept.write(whole);
      const isHead = head.startsWith('HEAD');
      const answer = await kept.read(isHead ? endOfHead : endOfAnswer);
      judge(statusesOf(answer).slice(0, 1));
      return 1;
    },
    close: () => kept?.destroy(),
  };
}

/** Without the lone surrogates that a URL cannot carry. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

const endOfHead = (received: Buffer): number | undefined => {
  const end = received.indexOf('\r\n\r\n');
  return end < 0 ? undefined : end + 4;
};

const packets: readonly object[] = [
  { type: 1, data: 'PING' },
  { type: 101, data: { room: 'live:1000', since: 'e1:3' }, ref: 'a' },
  { type: 102, data: { room: 'live:1000' }, ref: 'b' },
  { type: 103, data: { to: { user: 'u1' }, type: 3, data: { x: [1] } }, ref: 'c' },
  { type: 104, data: { channel: 'user', position: 'e1:17' } },
  { type: 105, data: { set: { platform: 'ios' }, unset: ['beta'], types: [3, 1000] }, ref: 'd' },
  { type: 106, data: { subject: 'call.invite', data: {} }, ref: 'e' },
  { type: 107, data: { token: 'a.b.c' }, ref: 'f' },
  { type: 3, data: { text: 'mine' }, ref: 'g' },
  { type: 110, data: {}, ref: 'h' },
];

const upgrade = (query: string): string =>
  `GET /connect${query} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`;

const pong = Buffer.from('{"type":1,"data":"PONG"}');

type Claim = (opcode: number, payload: Buffer) => boolean;
const isClose: Claim = (opcode) => opcode === Opcode.close;
const isPongOrClose: Claim = (opcode, payload) => isClose(opcode, payload) || payload.equals(pong);

/** Where the first frame of a server ends that is what is waited for (RFC 6455 §5.2; a server does not mask). */
const endOfFrame =
  (isIt: Claim) =>
  (received: Buffer): number | undefined => {
    for (let at = 0; received.length >= at + 2;) {
      const short = received[at + 1]! & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (received.length < at + head) return undefined;
      const size =
        short < 126 ? short : short === 126 ? received.readUInt16BE(at + 2) : Number(received.readBigUInt64BE(at + 2));
      const end = at + head + size;
      if (received.length < end) return undefined;
      if (isIt(received[at]! & 15, received.subarray(at + head, end))) return end;
      at = end;
    }
    return undefined;
  };

/** Frames of a client that is connected, a few at a time; a PING after them shows that they are dealt with. */
export function webSocketDoor(port: number): Door {
  let client: BareSocket | undefined;
  const connected = async (random: Seeded): Promise<BareSocket> => {
    if (client && !client.isClosed) return client;
    client = await BareSocket.open(port);
    client.write(upgrade(`?user=u${random.below(32)}&rooms=live:${random.below(16)}&device=d${random.below(64)}`));
    judge(statusesOf(await client.read(endOfAnswer)));
    return client;
  };
  const frame = (random: Seeded): Buffer => {
    const packet = JSON.stringify(mutated(random, random.one(packets))) ?? 'null';
    const text = random.chance(70) ? packet : random.chance(50) ? mutatedText(random, packet) : random.text(60);
    const opcode = random.chance(96) ? Opcode.text : random.one(Object.values(Opcode));
    return rawFrame(opcode, text.slice(0, 1_000));
  };
  return {
    async knock(random, sent) {
      const socket = await connected(random);
      if (random.chance(4)) {
        const raw = random.chance(50) ? random.bytes(200) : mutatedBytes(random, frame(random));
        sent(raw);
        socket.end(raw);
        await socket.read(endOfFrame(isClose));
        socket.destroy();
        return 1;
      }
      const frames = Array.from({ length: 1 + random.below(8) }, () => frame(random));
      const all = Buffer.concat(frames);
      sent(all);
      socket.write(Buffer.concat([all, rawFrame(Opcode.text, '{"type":1,"data":"PING"}')]));
      const last = await socket.read(endOfFrame(isPongOrClose));
      if (last.length === 0 || !last.subarray(-pong.length).equals(pong)) socket.destroy(); // as a client does that is told to go
      return frames.length;
    },
    close: () => client?.destroy(),
  };
}

/** Requests to the clients' port that are nearly an upgrade. */
export function upgradeDoor(port: number): Door {
  const queries = [
    '',
    '?user=u1',
    '?user=u1&rooms=a,b&since=user@e1:3,room:a@e1:7',
    '?labels=k:v,b&types=3,4&fields=minimal',
    '?token=a.b.c&app=shop&device=d1',
  ];
  return {
    async knock(random, sent) {
      const whole = Buffer.from(upgrade(random.one(queries)));
      const input = random.chance(90) ? mutatedBytes(random, whole) : random.bytes(400);
      sent(input);
      const socket = await BareSocket.open(port);
      socket.end(input);
      judge(statusesOf(await socket.readAll()));
      return 1;
    },
    close: () => {},
  };
}

/** Bytes to a port where only our own processes should knock. */
export function rpcDoor(ports: readonly number[]): Door {
  return {
    async knock(random, sent) {
      const size = random.one([0, 3, 64, 66, 67, 256, 257, 2 ** 31]);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(size);
      const frame = Buffer.concat([head, Buffer.from([random.below(8), 0, 0]), random.bytes(80)]);
      const input = random.chance(70) ? frame : random.bytes(300);
      sent(input);
      const socket = await BareSocket.open(random.one(ports));
      socket.end(input);
      await socket.readAll();
      return 1;
    },
    close: () => {},
  };
}
