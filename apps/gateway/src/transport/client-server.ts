import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import { CloseCode } from '@app/protocol';
import { isOurHost, requestTimes, type Log, type Metrics } from '@app/runtime';
import type { GatewayConfig } from '../gateway.config.js';
import type { Door, Hello, Inbound, Ticket } from '../session/door.js';
import type { FrameLimits } from '../session/frame-limits.js';
import type { Heartbeat } from '../session/heartbeat.js';
import { ClientSocket } from './client-socket.js';
import { closeLabel } from './close-label.js';
import { readHello, subprotocol } from './hello.js';
import { answerUpgrade, notFound, problem, upgradeRequired, type HttpRefusal } from './http-answer.js';
import type { Crowd } from './crowd.js';
import type { Newcomers, Place } from './newcomers.js';
import { isAllowedOrigin } from './origin.js';
import { remoteAddressOf } from './remote-address.js';

export const clientPath = '/connect';

/** Milliseconds that a client has to answer a close frame before it is cut. */
const closeTimeoutMs = 5_000;

/** Milliseconds that requests which are just coming have, when the port closes, to be answered that it does. */
const lastRequestsMs = 300;

export type ClientServerSettings = Pick<
  GatewayConfig,
  | 'allowedHosts'
  | 'allowedOrigins'
  | 'trustedProxies'
  | 'maxMessageBytes'
  | 'maxOutboxBytes'
  | 'maxRooms'
  | 'maxConnections'
  | 'maxKnocks'
  | 'requestTimeoutMs'
>;

export interface ClientServerParts {
  door: Door;
  inbound: Inbound;
  heartbeat: Heartbeat;
  limits: FrameLimits;
  newcomers: Newcomers;
  crowd: Crowd;
  settings: ClientServerSettings;
  metrics: Metrics;
  log: Log;
}

/**
 * The clients' port: one HTTP server and one WebSocket server. Newcomers are admitted before the upgrade; from then on one
 * listener per event serves all of them, and nothing of the request is kept.
 */
export class ClientServer {
  readonly sockets: WebSocketServer;
  private readonly http: Server;
  private readonly listeners: Listeners;
  private readonly knocking = new Set<Socket>();
  private readonly refused;
  private readonly closes;
  private readonly connects;
  private state: 'starting' | 'open' | 'draining' = 'starting';
  private connected = 0;
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: ClientServerParts) {
    const { heartbeat, limits, metrics, settings } = parts;
    class Client extends ClientSocket {
      protected override onAlive(): void {
        const { session } = this;
        if (session === null) return;
        // Pings must not put off the end of who shows no token.
        const nowMs = session.state === 'waiting' ? heartbeat.now() : heartbeat.seen(session);
        if (!limits.takesFrame(session, 0, nowMs)) return;
        // Their answers go past the outbox: who sends pings and never reads would fill the memory.
        if (this.writableLength > settings.maxOutboxBytes) session.close(CloseCode.slow);
      }
    }
    const options: ServerOptions<typeof ClientSocket> & { closeTimeout: number } = {
      noServer: true,
      WebSocket: Client,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: false,
      maxPayload: settings.maxMessageBytes,
      closeTimeout: closeTimeoutMs,
      handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    };
    this.sockets = new WebSocketServer(options);
    this.listeners = listenersOf(parts, (client, code) => this.left(client, code));
    this.sockets.on('wsClientError', (error, socket) => {
      const refusal = { status: 400, code: 'malformed', message: error.message };
      this.refuse(socket as Socket, refusal, { 'Sec-WebSocket-Version': '13' });
    });
    this.http = createServer({
      ...requestTimes(settings.requestTimeoutMs),
      keepAliveTimeout: 5_000,
    });
    this.http.on('request', answerPlainHttp);
    this.http.on('upgrade', (request, socket, head) => void this.onUpgrade(request, socket as Socket, head));
    this.refused = metrics.counter('skylark_gateway_upgrades_refused_total', 'Upgrades refused, by reason', ['reason']);
    this.connects = metrics.counter('skylark_gateway_connects_total', 'Connections that were opened');
    this.closes = metrics.counter('skylark_gateway_closes_total', 'Connections that ended, by close code', ['code']);
  }

  /** Listens, and answers 503 until {@link open}. Answers the port. Rejects as `net` does when it cannot have it. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.http.once('error', reject);
      // The kernel cuts the queue to its own limit; a crowd that comes back at once should find it as long as it can be.
      this.http.listen({ port, host, backlog: 4096 }, () => {
        this.http.off('error', reject);
        // A connection that could not be accepted is no reason to end.
        this.http.on('error', (error) => this.parts.log.error({ err: error }, 'a connection was not accepted'));
        resolve((this.http.address() as AddressInfo).port);
      });
    });
  }

  get isOpen(): boolean {
    return this.state === 'open' && this.http.listening;
  }

  /** Lets clients in. */
  open(): void {
    if (this.state === 'starting') this.state = 'open';
  }

  /** Lets nobody in any more. */
  drain(): void {
    this.state = 'draining';
  }

  /** Resolves when the last socket is gone; open connections are for the drain to end. Idempotent. */
  close(): Promise<void> {
    this.drain();
    this.closing ??= new Promise((resolve) => {
      this.sockets.close();
      // Node looks no more for those that take too long over their request, and would wait for them for ever.
      const overdue = setTimeout(() => this.http.closeAllConnections(), lastRequestsMs);
      this.http.close(() => {
        clearTimeout(overdue);
        resolve();
      });
      for (const socket of this.knocking) this.refuse(socket, unavailable('this gateway is going'));
    });
    return this.closing;
  }

  private async onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', destroy);
    const hello = this.inspect(request);
    if ('status' in hello) return this.refuse(socket, hello);
    this.knocking.add(socket);
    let place: Place = null;
    let isIn = false;
    try {
      await this.parts.crowd.together();
      if (isGone(socket)) return this.letGo(socket);
      const first = await this.parts.newcomers.enter(hello.remoteAddress);
      if ('status' in first) return this.refuse(socket, first);
      ({ place } = first);
      const answer = await this.parts.door.knock(hello);
      if (isGone(socket)) this.letGo(socket);
      else if ('status' in answer) this.refuse(socket, answer);
      else if (this.state !== 'open') this.refuse(socket, unavailable('this gateway is going'));
      else isIn = this.upgrade(request, socket, head, { ticket: answer, place });
    } catch (error) {
      this.parts.log.error({ err: error }, 'admission failed');
      this.refuse(socket, { status: 500, code: 'internal', message: 'admission failed here' });
    } finally {
      this.knocking.delete(socket);
      if (!isIn) this.parts.newcomers.leave(place);
    }
  }

  /** What can be told without asking anybody. */
  private inspect(request: IncomingMessage): Hello | HttpRefusal {
    const { settings } = this.parts;
    if (pathOf(request) !== clientPath) return notFound;
    if (this.state === 'starting') return unavailable('this gateway is starting');
    if (this.state === 'draining') return unavailable('this gateway is going');
    if (!isWebSocketUpgrade(request)) return upgradeRequired;
    if (!isOurHost(settings.allowedHosts, request.headers.host)) {
      return { status: 403, code: 'forbidden', message: 'ALLOWED_HOSTS does not list the host of this request' };
    }
    if (!isAllowedOrigin(request, settings.allowedOrigins)) {
      return { status: 403, code: 'forbidden', message: 'pages of this origin may not connect' };
    }
    if (this.connected + this.knocking.size >= settings.maxConnections) {
      this.parts.metrics.limited.inc({ limit: 'connections_node' });
      return unavailable('this gateway is full');
    }
    if (this.knocking.size >= settings.maxKnocks) return unavailable('too many are coming at once');
    return readHello(request, remoteAddressOf(request, settings.trustedProxies), settings.maxRooms);
  }

  /** Whether it is in, which is decided at once: a handshake may still be none. */
  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer, guest: Guest): boolean {
    let isIn = false;
    socket.off('error', destroy);
    this.sockets.handleUpgrade(request, socket, head, (client) => {
      isIn = true;
      this.enter(client as ClientSocket, socket, guest);
    });
    return isIn;
  }

  private enter(client: ClientSocket, socket: Socket, { ticket, place }: Guest): void {
    const { door, heartbeat, log } = this.parts;
    this.connected += 1;
    this.connects.inc();
    client.place = place;
    client.attach(socket, ticket.hello.remoteAddress);
    client.on('message', this.listeners.message);
    client.on('close', this.listeners.close);
    client.on('error', this.listeners.error);
    try {
      client.session = door.enter(client, ticket);
      heartbeat.watch(client.session);
    } catch (error) {
      log.error({ err: error }, 'a session could not begin');
      client.close(1011, 'internal error');
    }
  }

  private left(client: ClientSocket, received: number): void {
    const { session } = client;
    const code = client.sentCode || received;
    client.session = null;
    this.connected -= 1;
    this.parts.newcomers.leave(client.place);
    this.closes.inc({ code: closeLabel(code) });
    if (session !== null) this.parts.inbound.closed(session, code);
  }

  private letGo(socket: Socket): void {
    this.refused.inc({ reason: 'gone' });
    socket.destroy();
  }

  private refuse(socket: Socket, refusal: HttpRefusal, headers?: Record<string, string>): void {
    this.refused.inc({ reason: refusal.code });
    this.parts.log.debug({ ...refusal }, 'upgrade refused');
    answerUpgrade(socket, refusal, headers);
  }
}

/** Closed, or half closed: whoever ends its half before it was let in has given up, and a WebSocket could not be closed in order on it. */
const isGone = (socket: Socket): boolean => socket.destroyed || socket.writableEnded || socket.readableEnded;

/** Who was admitted, and the place that is his as long as he is here. */
interface Guest {
  ticket: Ticket;
  place: Place;
}

/** Spread, so that who was refused together does not come back together. */
const unavailable = (message: string): HttpRefusal => ({
  status: 503,
  code: 'unavailable',
  message,
  retryAfterSeconds: 1 + Math.floor(Math.random() * 5),
});

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** Others ask to go on in HTTP/2. */
const isWebSocketUpgrade = (request: IncomingMessage): boolean =>
  request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';

/** The clients' path and the root say that one must upgrade; there is nothing else here. */
function answerPlainHttp(request: IncomingMessage, response: ServerResponse): void {
  const path = pathOf(request);
  const refusal = path === clientPath || path === '/' ? upgradeRequired : notFound;
  const { headers, body } = problem(refusal);
  response.writeHead(refusal.status, headers).end(body);
}

/** One function per event for all clients; `this` is the client. */
interface Listeners {
  message: (this: WebSocket, data: unknown, isBinary: boolean) => void;
  close: (this: WebSocket, code: number) => void;
  error: () => void;
}

/** A throw ends here: it would end the process. */
function listenersOf(
  { inbound, heartbeat, limits, log }: ClientServerParts,
  left: (client: ClientSocket, code: number) => void,
): Listeners {
  return {
    message(data, isBinary) {
      const { session, isOpen } = this as ClientSocket;
      if (session === null || !isOpen) return; // what comes after a close was sent is not read any more
      // ws gives Buffers: binaryType is the default
      if (!limits.takesFrame(session, (data as Buffer).length, heartbeat.seen(session))) return;
      try {
        if (isBinary) inbound.binary(session);
        else inbound.text(session, data as Buffer);
      } catch (error) {
        log.error({ err: error }, 'a frame could not be handled');
        this.close(1011, 'internal error');
      }
    },
    close(code) {
      try {
        left(this as ClientSocket, code);
      } catch (error) {
        log.error({ err: error }, 'a session could not end');
      }
    },
    /** What it was is told by the close that follows. */
    error() {},
  };
}

function destroy(this: Socket): void {
  this.destroy();
}
