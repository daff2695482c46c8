import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core';
import { HistoryModule, HistoryStore } from '@app/history';
import {
  Census,
  DeviceDirectory,
  MembershipStore,
  NodeDirectory,
  PresenceDirectory,
  RegistryModule,
  RevocationList,
  type Registry,
} from '@app/registry';
import { HealthModule } from '@app/runtime';
import { DeliveryController } from './fanout/delivery.controller.js';
import { Intake } from './fanout/intake.js';
import { Reach } from './fanout/reach.js';
import { Gateway, type Ground } from './gateway.js';
import { CommandController } from './inbound/command.controller.js';
import { Commands } from './inbound/commands.js';
import { Enquiries } from './inbound/enquiries.js';
import { NestHandlers } from './inbound/nest-handlers.js';
import { ClientGateway } from './transport/client.gateway.js';

/** The wiring of a gateway, and the only place that knows its backends; how its rooms hang together is in gateway.ts. */
@Module({})
export class GatewayModule {
  static forRoot(ground: Ground, given: { registry?: Registry; history?: HistoryStore }): DynamicModule {
    const { config, metrics, readiness, log } = ground;
    const redis = { backend: 'redis', url: config.redisUrl, prefix: config.redisPrefix } as const;
    const isMemory = config.registry === 'memory';
    return {
      module: GatewayModule,
      imports: [
        DiscoveryModule,
        HealthModule.forRoot({ readiness, metrics }),
        RegistryModule.forRoot({
          log,
          ...(given.registry || isMemory ? { backend: 'memory', instance: given.registry } : redis),
        }),
        HistoryModule.forRoot({
          policies: config.policies,
          log,
          metrics,
          ...(given.history || isMemory ? { backend: 'memory', instance: given.history } : redis),
        }),
      ],
      controllers: [DeliveryController, CommandController],
      providers: [
        ClientGateway,
        {
          provide: Gateway,
          useFactory: (
            nodes: NodeDirectory,
            presence: PresenceDirectory,
            devices: DeviceDirectory,
            memberships: MembershipStore,
            revocations: RevocationList,
            census: Census,
            history: HistoryStore,
            discovery: DiscoveryService,
            scanner: MetadataScanner,
            contexts: ExternalContextCreator,
          ) =>
            new Gateway(ground, { nodes, presence, devices, memberships, revocations, census }, history, {
              discovery,
              scanner,
              contexts,
            }),
          inject: [
            NodeDirectory,
            PresenceDirectory,
            DeviceDirectory,
            MembershipStore,
            RevocationList,
            Census,
            HistoryStore,
            DiscoveryService,
            MetadataScanner,
            ExternalContextCreator,
          ],
        },
        room(Intake, (gateway) => gateway.intake),
        room(Reach, (gateway) => gateway.reach),
        room(Commands, (gateway) => gateway.commands),
        room(Enquiries, (gateway) => gateway.enquiries),
        room(NestHandlers, (gateway) => gateway.nestHandlers),
      ],
    };
  }
}

/** A room that Nest must know: its doors and hooks are Nest's. */
const room = <T>(provide: Type<T>, of: (gateway: Gateway) => T): Provider => ({
  provide,
  useFactory: of,
  inject: [Gateway],
});
