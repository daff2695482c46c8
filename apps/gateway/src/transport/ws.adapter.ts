import { WsAdapter } from '@nestjs/platform-ws';
import type { WebSocketServer } from 'ws';
import type { ClientServer } from './client-server.js';

/**
 * Nest's way to the clients' port. All gateway classes share the one server, whatever port and path their decorators say,
 * and nothing is bound per class and client: frames go to the dispatcher, whose table holds the `@SubscribeMessage`
 * handlers of all classes (inbound/nest-handlers.ts).
 */
export class SkylarkWsAdapter extends WsAdapter {
  constructor(private readonly clients: ClientServer) {
    super();
  }

  override create(): WebSocketServer {
    return this.clients.sockets;
  }

  /** Called once per gateway class; the server admits its clients itself, once. */
  override bindClientConnect(): void {}

  override bindClientDisconnect(): void {}

  override bindMessageHandlers(): void {}

  /** Called once per gateway class; Nest's own would cut the clients with 1006. */
  override async close(): Promise<void> {
    await this.clients.close();
  }

  override async dispose(): Promise<void> {
    await this.clients.close();
  }
}
