import { HttpException, type OnApplicationBootstrap } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA } from '@nestjs/common/internal';
import type { DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core';
import { WsException } from '@nestjs/websockets';
import { WsParamsFactory } from '@nestjs/websockets/factories/ws-params-factory.js';
import {
  GATEWAY_METADATA,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PARAM_ARGS_METADATA,
} from '@nestjs/websockets/internal';
import { CodedError, ErrorCode, isPacketType, isReservedType, type ClientPacket } from '@app/protocol';
import type { Log } from '@app/runtime';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { SessionTable } from '../session/session-table.js';
import { ConnectedClient } from './connected-client.js';
import type { Handler } from './handler.js';

/** Nest's own, with which handlers are found and built. */
export interface NestTools {
  discovery: DiscoveryService;
  scanner: MetadataScanner;
  contexts: ExternalContextCreator;
}

type Bound = (client: ConnectedClient, data: unknown) => Promise<unknown>;

/**
 * The `@SubscribeMessage(<type>)` handlers of all gateway classes, built once at boot, with their guards, pipes,
 * interceptors and filters: Nest itself would bind them anew for every client.
 *
 * `@MessageBody()` is the packet's `data`, `@ConnectedSocket()` a {@link ConnectedClient}. What a handler returns answers a
 * request that had a `ref`; `{ event: <type>, data }` (Nest's WsResponse) is sent as a packet of that type. What it throws
 * is the error of the request: WsException and HttpException with their message, others as `internal`.
 */
export class NestHandlers implements OnApplicationBootstrap {
  private readonly byType = new Map<number, { handler: Handler; name: string }>();
  private readonly clients = new WeakMap<Session, ConnectedClient>();

  constructor(
    private readonly nest: NestTools,
    private readonly sessions: SessionTable,
    private readonly outboxes: Outboxes,
    private readonly log: Log,
  ) {}

  /** @throws Error when two handlers, or one and the protocol, claim the same type. */
  onApplicationBootstrap(): void {
    for (const { metatype, instance } of this.nest.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY_METADATA, metatype)) continue;
      if (typeof instance === 'object' && instance !== null) this.explore(instance as Record<string, unknown>);
      else this.log.warn({ gateway: metatype.name }, 'a gateway class that is made per request is not called');
    }
  }

  readonly of = (type: number): Handler | undefined => this.byType.get(type)?.handler;

  private explore(gateway: Record<string, unknown>): void {
    const prototype = Object.getPrototypeOf(gateway) as object;
    const className = gateway.constructor.name;
    for (const method of this.nest.scanner.getAllMethodNames(prototype)) {
      const callback = gateway[method] as (...args: unknown[]) => unknown;
      if (method === 'handleConnection' || method === 'handleDisconnect') {
        this.log.warn({ gateway: className }, `${method} is not called: nothing is bound per client`);
      }
      if (Reflect.getMetadata(MESSAGE_MAPPING_METADATA, callback) !== true) continue;
      this.add(`${className}.${method}`, Reflect.getMetadata(MESSAGE_METADATA, callback), () =>
        this.build(gateway, callback, method),
      );
    }
  }

  private add(name: string, message: unknown, build: () => Bound): void {
    const type = typeof message === 'string' && /^-?\d+$/.test(message) ? Number(message) : message;
    if (!isPacketType(type)) {
      this.log.warn({ handler: name, message }, 'never called: packets have an int as type, @SubscribeMessage(200)');
      return;
    }
    if (isReservedType(type)) throw new Error(`${name} subscribes to ${type}, which belongs to the protocol`);
    const other = this.byType.get(type);
    if (other) throw new Error(`${name} and ${other.name} both subscribe to ${type}`);
    this.byType.set(type, { handler: this.handlerOf(build()), name });
    this.log.info({ handler: name, type }, 'takes packets of clients');
  }

  private build(gateway: Record<string, unknown>, callback: (...args: unknown[]) => unknown, method: string): Bound {
    // Nest logs every error that passes its own last filter, and clients could fill the log with theirs.
    const filters = [callback, gateway.constructor].some((on) => Reflect.hasMetadata(EXCEPTION_FILTERS_METADATA, on));
    const params = new WsParamsFactory();
    return this.nest.contexts.create(
      gateway,
      callback,
      method,
      PARAM_ARGS_METADATA,
      {
        exchangeKeyForValue: (type: number, data: string, args: unknown[]) =>
          params.exchangeKeyForValue(type, data, args),
      },
      undefined,
      undefined,
      { guards: true, interceptors: true, filters },
      'ws',
    ) as Bound;
  }

  private handlerOf(bound: Bound): Handler {
    return async (session: Session, packet: ClientPacket, reply) => {
      const client = this.clientOf(session);
      const answer = await bound(client, packet.data).catch((error: unknown) => {
        throw asCoded(error);
      });
      if (!isWsResponse(answer)) return reply(answer);
      client.send(answer.event, answer.data);
      reply();
    };
  }

  private clientOf(session: Session): ConnectedClient {
    let client = this.clients.get(session);
    if (!client) {
      client = new ConnectedClient(session, this.sessions, this.outboxes);
      this.clients.set(session, client);
    }
    return client;
  }
}

function isWsResponse(answer: unknown): answer is { event: number; data?: unknown } {
  return typeof answer === 'object' && answer !== null && 'event' in answer && isPacketType(answer.event);
}

/** What clients may hear of an error; what is not meant for them goes on as it is. */
function asCoded(error: unknown): unknown {
  if (error instanceof WsException) {
    const said = error.getError();
    const { code } = (typeof said === 'object' ? said : {}) as { code?: unknown };
    const isKnown = typeof code === 'string' && Object.hasOwn(ErrorCode, code);
    return new CodedError(isKnown ? (code as ErrorCode) : 'invalid_body', error.message);
  }
  if (!(error instanceof HttpException) || error.getStatus() >= 500) return error;
  const { message } = (error.getResponse() as { message?: unknown }) ?? {};
  const text = Array.isArray(message) ? message.join('; ') : error.message;
  return new CodedError(codeOfStatus[error.getStatus()] ?? 'invalid_body', text);
}

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  413: 'payload_too_large',
  429: 'rate_limited',
};
