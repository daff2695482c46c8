import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { RoomWebhook, type WebhookSettings } from './room-webhook.js';

const secret = 'a secret of at least thirty-two bytes';
const ann = { app: 'default', room: 'shop:1', user: 'ann' };
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the webhook of rooms', () => {
  let server: Server;
  let asked: { headers: IncomingHttpHeaders; body: string }[];
  let answer: (response: ServerResponse) => void;
  let clock: ManualClock;
  beforeEach(async () => {
    asked = [];
    answer = (response) => response.end('{"allow":true}');
    clock = new ManualClock(1_700_000_000_000);
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        asked.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
        answer(response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = (more: Partial<WebhookSettings> = {}) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rooms`;
    const settings = { url, secret, timeoutMs: 60_000, concurrency: 64, cacheMs: 5_000, ...more };
    return new RoomWebhook(settings, clock, silentLog, new Metrics());
  };

  it('is asked with a signature over time and body', async () => {
    expect(await open().ask({ ...ann, device: 'phone' })).toEqual({ ok: true });
    const [{ headers, body }] = asked as [(typeof asked)[0]];
    expect(JSON.parse(body)).toEqual({ ...ann, device: 'phone' });
    const signature = createHmac('sha256', secret).update(`1700000000.${body}`).digest('hex');
    expect(headers['x-skylark-signature']).toBe(`t=1700000000,v1=${signature}`);
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a no', (response) => response.end('{"allow":false}'), 'room_forbidden'],
    ['403', (response) => response.writeHead(403).end(), 'room_forbidden'],
    ['500', (response) => response.writeHead(500).end('{"allow":true}'), 'auth_unavailable'],
    ['204', (response) => response.writeHead(204).end(), 'auth_unavailable'],
    ['a redirect', (response) => response.writeHead(302, { location: '/yes' }).end(), 'auth_unavailable'],
    ['no JSON', (response) => response.end('yes'), 'auth_unavailable'],
    ['null', (response) => response.end('null'), 'auth_unavailable'],
    ['a text that says true', (response) => response.end('{"allow":"true"}'), 'auth_unavailable'],
    ['too much', (response) => response.end(`{"allow":true,"x":"${'x'.repeat(5_000)}"}`), 'auth_unavailable'],
    ['a cut', (response) => response.socket?.destroy(), 'auth_unavailable'],
  ])('keeps one out at %s', async (_, how, code) => {
    answer = how;
    expect(await open().ask(ann)).toMatchObject({ ok: false, room: 'shop:1', code });
  });

  it('keeps one out at silence', async () => {
    answer = () => {};
    const refused = { ok: false, room: 'shop:1', code: 'auth_unavailable' };
    expect(await open({ timeoutMs: 200 }).ask(ann)).toMatchObject(refused);
  });

  it('is asked once for the same question, for a while; a failure is not kept', async () => {
    const webhook = open();
    answer = (response) => response.writeHead(500).end();
    await webhook.ask(ann);
    answer = (response) => response.end('{"allow":true}');
    expect(await Promise.all([webhook.ask(ann), webhook.ask(ann)])).toEqual([{ ok: true }, { ok: true }]);
    expect(await webhook.ask(ann)).toEqual({ ok: true });
    expect(asked).toHaveLength(2);
    await webhook.ask({ ...ann, app: 'other' });
    await webhook.ask({ ...ann, user: 'bob' });
    expect(asked).toHaveLength(4);
    clock.advance(5_000);
    answer = (response) => response.writeHead(403).end();
    expect(await webhook.ask(ann)).toMatchObject({ ok: false });
  });

  it('is asked by so many at once only, and who waits is let go in time', async () => {
    const webhook = open({ concurrency: 2, timeoutMs: 3_000 });
    const held: ServerResponse[] = [];
    answer = (response) => void held.push(response);
    const answers = [1, 2, 3, 4].map((n) => webhook.ask({ ...ann, room: `shop:${n}` }));
    while (held.length < 2) await turn();
    expect(asked).toHaveLength(2);
    for (const response of held.splice(0)) response.end('{"allow":true}');
    while (held.length < 2) await turn();
    expect((await Promise.all(answers)).map(({ ok }) => ok)).toEqual([true, true, false, false]);
    answer = (response) => response.end('{"allow":true}');
    expect(await webhook.ask({ ...ann, room: 'shop:5' })).toEqual({ ok: true });
  });
});
