import { Module, type DynamicModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { Bus, BusModule, DeadLetterLog, type BusOptions } from '@app/bus';
import {
  HistoryModule,
  HistoryStore,
  IdempotencyModule,
  IdempotencyStore,
  type HistoryOptions,
  type IdempotencyOptions,
} from '@app/history';
import {
  Census,
  DeviceDirectory,
  MembershipStore,
  NodeDirectory,
  PresenceDirectory,
  RegistryModule,
  RevocationList,
  RevokedTokens,
  type Registry,
  type RegistryOptions,
} from '@app/registry';
import { HealthModule, type Clock, type Log, type Metrics, type Readiness } from '@app/runtime';
import { ArticleController } from './article/article.controller.js';
import { ArticleService } from './article/article.service.js';
import { ChannelController } from './channel/channel.controller.js';
import { ChannelService } from './channel/channel.service.js';
import { ConnectionController } from './connection/connection.controller.js';
import { ConnectionService } from './connection/connection.service.js';
import { ConsoleController } from './console/console.controller.js';
import { ConsoleService } from './console/console.service.js';
import { DeadLetterController } from './dead-letter/dead-letter.controller.js';
import { DeadLetterService } from './dead-letter/dead-letter.service.js';
import type { LogicConfig } from './logic.config.js';
import { LogicMetrics } from './logic.metrics.js';
import { Gateways } from './node/gateways.js';
import { NodeController } from './node/node.controller.js';
import { NodeService } from './node/node.service.js';
import { PresenceController } from './presence/presence.controller.js';
import { PresenceService } from './presence/presence.service.js';
import { Batch } from './push/batch.js';
import { DryRun } from './push/dry-run.js';
import { Once } from './push/once.js';
import { PushController } from './push/push.controller.js';
import { PushDoor } from './push/push-door.js';
import { PushService } from './push/push.service.js';
import { Cursors } from './rest/cursors.js';
import { RoomController } from './room/room.controller.js';
import { RoomListService } from './room/room-list.service.js';
import { RoomService } from './room/room.service.js';
import { Authenticator } from './session/authenticator.js';
import { JwtAuthenticator } from './session/jwt.authenticator.js';
import { OpenAuthenticator } from './session/open.authenticator.js';
import { PublishedKeys } from './session/published-keys.js';
import { RoomJudge, type RoomOracle } from './session/room-judge.js';
import { RoomWebhook } from './session/room-webhook.js';
import { SessionController } from './session/session.controller.js';
import { SessionService } from './session/session.service.js';
import { TokenController } from './token/token.controller.js';
import { TokenService } from './token/token.service.js';
import { UserController } from './user/user.controller.js';
import { UserService } from './user/user.service.js';

export interface LogicWiring {
  config: LogicConfig;
  /** Given when several apps of one process share it. */
  bus: Bus | undefined;
  deadLetters: DeadLetterLog | undefined;
  registry: Registry | undefined;
  history: HistoryStore | undefined;
  idempotency: IdempotencyStore | undefined;
  readiness: Readiness;
  metrics: Metrics;
  counters: LogicMetrics;
  clock: Clock;
  log: Log;
}

/** All of logic: doors are controllers, rooms behind them plain classes. */
@Module({
  controllers: [
    PushController,
    RoomController,
    UserController,
    ConnectionController,
    ChannelController,
    DeadLetterController,
    NodeController,
    SessionController,
    PresenceController,
    TokenController,
    ArticleController,
  ],
})
export class LogicModule {
  static forRoot(wiring: LogicWiring): DynamicModule {
    const { config, counters, clock, log } = wiring;
    return {
      module: LogicModule,
      controllers: config.console ? [ConsoleController] : [],
      imports: [
        HealthModule.forRoot(wiring),
        BusModule.forRoot(busOptions(wiring)),
        RegistryModule.forRoot(registryOptions(wiring)),
        HistoryModule.forRoot(historyOptions(wiring)),
        IdempotencyModule.forRoot(idempotencyOptions(wiring)),
      ],
      providers: [
        { provide: Authenticator, useFactory: () => authenticator(wiring) },
        {
          provide: Gateways,
          useFactory: (nodes: NodeDirectory) => new Gateways(nodes, config.rpcSecret, log, config.rpcTls),
          inject: [NodeDirectory],
        },
        {
          provide: PushService,
          useFactory: (bus: Bus) => new PushService(bus, config, clock, counters, log),
          inject: [Bus],
        },
        {
          provide: PushDoor,
          useFactory: (pushes: PushService, once: Once, dryRun: DryRun) => new PushDoor(pushes, once, dryRun),
          inject: [PushService, Once, DryRun],
        },
        {
          provide: Batch,
          useFactory: (pushes: PushService, once: Once, dryRun: DryRun, bus: Bus) =>
            new Batch(pushes, once, dryRun, bus, counters),
          inject: [PushService, Once, DryRun, Bus],
        },
        { provide: DryRun, useFactory: (gateways: Gateways) => new DryRun(gateways), inject: [Gateways] },
        {
          provide: Once,
          useFactory: (store: IdempotencyStore) => new Once(store, counters, log),
          inject: [IdempotencyStore],
        },
        {
          provide: RoomService,
          useFactory: (memberships: MembershipStore, presence: PresenceDirectory, gateways: Gateways) =>
            new RoomService(memberships, presence, gateways, config),
          inject: [MembershipStore, PresenceDirectory, Gateways],
        },
        {
          provide: NodeService,
          useFactory: (gateways: Gateways) => new NodeService(gateways, config.regionNetworks),
          inject: [Gateways],
        },
        { provide: Cursors, useFactory: () => new Cursors(config.rpcSecret, clock) },
        {
          provide: ConnectionService,
          useFactory: (presence: PresenceDirectory, gateways: Gateways) =>
            new ConnectionService(presence, gateways, config.showRemoteAddress),
          inject: [PresenceDirectory, Gateways],
        },
        {
          provide: RoomListService,
          useFactory: (
            census: Census,
            memberships: MembershipStore,
            gateways: Gateways,
            connections: ConnectionService,
            cursors: Cursors,
          ) => new RoomListService(census, memberships, gateways, connections, cursors),
          inject: [Census, MembershipStore, Gateways, ConnectionService, Cursors],
        },
        {
          provide: UserService,
          useFactory: (
            census: Census,
            presence: PresenceDirectory,
            memberships: MembershipStore,
            gateways: Gateways,
            connections: ConnectionService,
            cursors: Cursors,
          ) => new UserService({ census, presence, memberships }, gateways, connections, cursors),
          inject: [Census, PresenceDirectory, MembershipStore, Gateways, ConnectionService, Cursors],
        },
        {
          provide: ChannelService,
          useFactory: (history: HistoryStore) => new ChannelService(history, log),
          inject: [HistoryStore],
        },
        {
          provide: DeadLetterService,
          useFactory: (letters: DeadLetterLog, bus: Bus, cursors: Cursors) =>
            new DeadLetterService(letters, bus, cursors, log),
          inject: [DeadLetterLog, Bus, Cursors],
        },
        {
          provide: ConsoleService,
          useFactory: (nodes: NodeService, { httpAdapter }: HttpAdapterHost<FastifyAdapter>) =>
            new ConsoleService(config, nodes, (method, url) => httpAdapter.getInstance().hasRoute({ method, url })),
          inject: [NodeService, HttpAdapterHost],
        },
        {
          provide: SessionService,
          useFactory: (
            who: Authenticator,
            revoked: RevokedTokens,
            rooms: RoomJudge,
            devices: DeviceDirectory,
            gateways: Gateways,
          ) => new SessionService(who, revoked, rooms, devices, gateways, counters),
          inject: [Authenticator, RevokedTokens, RoomJudge, DeviceDirectory, Gateways],
        },
        {
          provide: PresenceService,
          useFactory: (bus: Bus, census: Census) =>
            new PresenceService(bus, census, config.roomPolicies, config.presenceMaxMembers, clock, counters),
          inject: [Bus, Census],
        },
        { provide: RoomJudge, useFactory: () => new RoomJudge(config.roomPolicies, roomOracle(wiring)) },
        {
          provide: RevokedTokens,
          useFactory: (list: RevocationList) => new RevokedTokens(list, clock, log),
          inject: [RevocationList],
        },
        {
          provide: TokenService,
          useFactory: (list: RevocationList, revoked: RevokedTokens, gateways: Gateways) =>
            new TokenService(list, revoked, gateways, config, clock),
          inject: [RevocationList, RevokedTokens, Gateways],
        },
        {
          provide: ArticleService,
          useFactory: (pushes: PushDoor, rooms: RoomService) => new ArticleService(pushes, rooms),
          inject: [PushDoor, RoomService],
        },
      ],
    };
  }
}

function authenticator({ config, metrics, clock, log }: LogicWiring): Authenticator {
  const { authMode, jwtSecrets: secrets, jwtJwksUrl: url } = config;
  if (authMode === 'open') return new OpenAuthenticator();
  const { jwtIssuer: issuer, jwtAudience: audience, jwtClockSkewMs: clockSkewMs } = config;
  const rules = { issuer, audience, clockSkewMs };
  if (url === undefined) return new JwtAuthenticator({ key: { secrets }, ...rules }, clock);
  const { jwksMaxAgeMs: maxAgeMs, jwksCoolDownMs: coolDownMs } = config;
  const keys = new PublishedKeys({ url, maxAgeMs, coolDownMs }, clock, log, metrics);
  return new JwtAuthenticator({ key: { jwks: keys.get }, ...rules }, clock);
}

/** Without a policy that asks it, nobody does. */
function roomOracle({ config, metrics, clock, log }: LogicWiring): RoomOracle {
  const { roomWebhookUrl: url, roomWebhookSecret: secret } = config;
  const message = 'there is no webhook';
  if (url === undefined || secret === undefined) {
    return { ask: ({ room }) => Promise.resolve({ ok: false, room, code: 'auth_unavailable', message }) };
  }
  const { roomWebhookTimeoutMs: timeoutMs, roomWebhookConcurrency: concurrency, roomWebhookCacheMs: cacheMs } = config;
  return new RoomWebhook({ url, secret, timeoutMs, concurrency, cacheMs }, clock, log, metrics);
}

function busOptions({ config, bus: instance, deadLetters, metrics, clock, log }: LogicWiring): BusOptions {
  const { shards, kafka, embeddedBusBytes: maxBytes } = config;
  if (instance || config.bus === 'embedded') {
    const deadLetterBytes = config.embeddedDeadBytes;
    return { backend: 'embedded', shards, maxBytes, deadLetterBytes, instance, deadLetters, log, metrics };
  }
  return {
    backend: 'kafka',
    ...kafka,
    shards,
    clientId: 'skylark-logic',
    deadLetters,
    log,
    metrics,
    clock,
  };
}

function registryOptions({ config, registry: instance, log }: LogicWiring): RegistryOptions {
  if (instance || config.registry === 'memory') return { backend: 'memory', instance, log };
  return { backend: 'redis', url: config.redisUrl, prefix: config.redisPrefix, log };
}

function historyOptions({ config, history: instance, metrics, log }: LogicWiring): HistoryOptions {
  const { policies, redisUrl: url, redisPrefix: prefix } = config;
  if (instance || config.registry === 'memory') return { backend: 'memory', instance, policies, log, metrics };
  return { backend: 'redis', url, prefix, policies, log, metrics };
}

function idempotencyOptions({ config, idempotency: instance, metrics, clock, log }: LogicWiring): IdempotencyOptions {
  const { redisUrl: url, redisPrefix: prefix, idempotencyTtlMs: ttlMs, idempotencyMaxBytes: maxBytes } = config;
  const limits = { pendingMs, ttlMs };
  if (!instance && config.registry === 'redis') return { backend: 'redis', url, prefix, limits, log };
  return { backend: 'memory', instance, limits: { ...limits, maxBytes }, metrics, clock };
}

/**
 * A push that has not ended lends its time of acceptance to repeats for so long: more than the bus may take to answer
 * (ten seconds) and a producer's first tries with their backoff; after it a `ttlMs` begins anew.
 */
const pendingMs = 60_000;
