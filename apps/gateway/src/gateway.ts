import type { HistoryStore } from '@app/history';
import { RevokedTokens, type Registry } from '@app/registry';
import { RpcClient } from '@app/rpc';
import type { Clock, Log, Metrics, Readiness } from '@app/runtime';
import { Drain } from './drain.js';
import { Fanout } from './fanout/fanout.js';
import { Intake } from './fanout/intake.js';
import { LaneGuard } from './fanout/lane-guard.js';
import { Pacing } from './fanout/pacing.js';
import { Reach } from './fanout/reach.js';
import type { GatewayConfig } from './gateway.config.js';
import { gatewayMetrics } from './gateway.metrics.js';
import { Commands } from './inbound/commands.js';
import { Dispatcher } from './inbound/dispatcher.js';
import { Enquiries } from './inbound/enquiries.js';
import { Early } from './inbound/early.js';
import { Farewell } from './inbound/farewell.js';
import { FrameCounts } from './inbound/frame-counts.js';
import { JoinLeave } from './inbound/join-leave.js';
import { openLimits } from './limits.js';
import { label } from './inbound/label.js';
import { MembershipReconciler } from './inbound/membership-reconciler.js';
import { NestHandlers, type NestTools } from './inbound/nest-handlers.js';
import { refresh } from './inbound/refresh.js';
import { RoomGuard } from './inbound/room-guard.js';
import { Admission } from './replay/admission.js';
import { Arrivals } from './replay/arrivals.js';
import { Comparison } from './replay/comparison.js';
import { GapRepair } from './replay/gap-repair.js';
import { HistoryLook } from './replay/history-look.js';
import { Replay } from './replay/replay.js';
import { Revoker } from './replay/revoker.js';
import { SessionTokens } from './replay/session-tokens.js';
import { TokenRooms } from './replay/token-rooms.js';
import { ChannelTable } from './room/channel-table.js';
import { CurrentEpoch } from './room/current-epoch.js';
import { expiring } from './session/expiring.js';
import { FrameLimits } from './session/frame-limits.js';
import { Heartbeat } from './session/heartbeat.js';
import { Outboxes } from './session/outboxes.js';
import { SessionTable } from './session/session-table.js';
import { ClientServer } from './transport/client-server.js';
import { Crowd } from './transport/crowd.js';
import { Newcomers } from './transport/newcomers.js';
import { Comeback } from './upstream/comeback.js';
import { DeviceClaims } from './upstream/device-claims.js';
import { LogicClient } from './upstream/logic.client.js';
import { LostGateways } from './upstream/lost-gateways.js';
import { LastingRooms } from './upstream/lasting-rooms.js';
import { NodeAgent, type NodeEndpoint } from './upstream/node-agent.js';
import { UserPlaces } from './upstream/user-places.js';
import { Registrar } from './upstream/registrar.js';
import { PresenceLosses } from './upstream/presence-losses.js';
import { RoomPresence } from './upstream/room-presence.js';
import { RoomCounts } from './upstream/room-counts.js';

/** What the rooms stand on. */
export interface Ground {
  config: GatewayConfig;
  metrics: Metrics;
  readiness: Readiness;
  log: Log;
  clock: Clock;
  /** A later process has this node's id: this one must end. */
  onSuperseded: () => void;
}

/** All rooms of a gateway and who knows whom, from the ground up. */
export class Gateway {
  readonly clients: ClientServer;
  readonly intake: Intake;
  readonly reach: Reach;
  readonly commands: Commands;
  readonly enquiries: Enquiries;
  readonly nestHandlers: NestHandlers;
  private readonly agent: NodeAgent;
  private readonly comeback: Comeback;
  private readonly logic: LogicClient;
  private readonly heartbeat: Heartbeat;
  private readonly counts: RoomCounts;
  private readonly presence: RoomPresence;
  private readonly lostGateways: LostGateways;
  private readonly pacing: Pacing;
  private readonly repair: GapRepair;
  private readonly comparison: Comparison;
  private readonly drain: Drain;
  private readonly revoked: RevokedTokens;
  private readonly limits: ReturnType<typeof openLimits>;
  private readonly reconciler: MembershipReconciler;

  constructor(ground: Ground, registry: Registry, history: HistoryStore, nest: NestTools) {
    const { config, metrics, readiness, log, clock, onSuperseded } = ground;
    const { nodes, presence, devices, memberships, revocations, census } = registry;

    const sessions = new SessionTable();
    const outboxes = new Outboxes(config.maxOutboxBytes, metrics);
    const registrar = new Registrar(presence, () => this.agent.ref, clock, log);
    const counts = new RoomCounts(census, () => this.agent.ref, clock, log);
    this.counts = counts;
    const channels = new ChannelTable(
      (channel, present) => registrar.tell(channel, present),
      (channel) => counts.touch(channel),
      (messages) => metrics.dropped.inc({ stage: 'replay', reason: 'left' }, messages),
      (session, local, isIn) => this.presence.moved(session, local, isIn),
    );
    const epoch = new CurrentEpoch(sessions, channels, log, (messages) =>
      metrics.dropped.inc({ stage: 'replay', reason: 'epoch' }, messages),
    );
    gatewayMetrics(metrics, sessions, channels);

    const link = ({ host, port }: NodeEndpoint) =>
      new RpcClient({ host, port, secret: config.rpcSecret, tls: config.rpcTls, log, clock });
    this.logic = new LogicClient(nodes, link, clock, log);
    const { presenceMaxMembers: maxMembers, presencePerSecond: perSecond } = config;
    this.presence = new RoomPresence(this.logic, sessions, channels, { maxMembers, perSecond }, clock, log, metrics);
    const losses = new PresenceLosses(this.presence, outboxes);
    this.lostGateways = new LostGateways(
      nodes,
      () => !this.presence.isIdle,
      // Our own lease may be over when we have stood still: that is told by the comeback.
      (ref) => void (ref !== this.agent.ref && losses.gatewayLost(ref)),
      clock,
      log,
    );
    const claims = new DeviceClaims(devices, sessions, this.logic, clock, log);
    this.comeback = new Comeback(
      [
        () => registrar.assertAll(channels),
        () => counts.assertAll(channels),
        () => claims.assertAll(),
        // Only once others can find us again is what they pushed meanwhile all that was missed.
        () => registrar.settled(),
        () => {
          losses.returned();
          this.presence.assertAll();
        },
        () => this.comparison.ask(fanout),
        () => this.reconciler.run(),
      ],
      clock,
      log,
    );
    const { nodeId: id, region, leaseMs, maxConnections } = config;
    const events = {
      onMissing: () => this.comeback.begin(),
      onSuperseded: () => void this.drain.part().then(onSuperseded),
    };
    this.agent = new NodeAgent(nodes, sessions, channels, { id, region, leaseMs, maxConnections }, events, clock, log);

    const look = new HistoryLook(history, epoch, sessions, clock, metrics);
    const replay = new Replay(channels, registrar, look, epoch, outboxes, clock, log, metrics);
    const { heartbeatMs, timeoutMs, maxMessageBytes, maxRooms } = config;
    const greeting = { node: id, heartbeatMs, timeoutMs, maxMessageBytes, maxRooms };
    const lasting = new LastingRooms(memberships);
    const arrivals = new Arrivals(sessions, replay, claims, lasting, outboxes, greeting, log, metrics);
    const revoker = new Revoker(sessions, channels, outboxes, log, metrics);
    const revoked = new RevokedTokens(revocations, clock, log, (some) => revoker.close(some, revoked));
    this.revoked = revoked;
    const leaveRooms = new TokenRooms(channels, (session, channel) => rooms.leave(session, channel), outboxes);
    const tokens = new SessionTokens(revoked, leaveRooms, clock, config.tokenWarningMs);
    this.limits = openLimits(config, ground);
    const places = new UserPlaces(this.limits.ofUsers, metrics);
    const door = new Admission(sessions, this.logic, arrivals, this.agent, places, config.authMode, tokens, log);

    this.repair = new GapRepair(look, epoch, clock, log, metrics);
    this.comparison = new Comparison(look, this.repair, channels, epoch, clock, log);
    this.pacing = new Pacing(epoch, clock, log, metrics);
    const { pacing, repair, comparison } = this;
    const fanout = new Fanout(channels, sessions, outboxes, repair, pacing, clock, log, metrics, config.maxOutboxBytes);
    const lanes = new LaneGuard(history, epoch, () => this.agent.ref, metrics);
    this.intake = new Intake(lanes, fanout, outboxes, comparison);
    this.reach = new Reach(channels, sessions);

    const limits = new FrameLimits(config, metrics);
    const early = new Early(metrics);
    const rooms = new JoinLeave(replay, channels, maxRooms, limits, new RoomGuard(this.logic, log));
    this.commands = new Commands(sessions, channels, rooms, outboxes);
    this.reconciler = new MembershipReconciler(sessions, lasting, this.commands, clock, log);
    this.enquiries = new Enquiries(sessions, channels);
    this.nestHandlers = new NestHandlers(nest, sessions, outboxes, log);
    const inbound = new Dispatcher(
      {
        join: rooms.joinAsked,
        leave: rooms.leaveAsked,
        label: label(channels),
        refresh: refresh(door, early, outboxes),
        application: this.nestHandlers.of,
      },
      outboxes,
      early,
      new Farewell(sessions, channels, outboxes, claims, places, log),
      new FrameCounts(metrics),
      log,
    );

    this.heartbeat = new Heartbeat(clock, timeoutMs, expiring(outboxes, clock));
    const { heartbeat } = this;
    const newcomers = new Newcomers(this.limits.rate, this.limits.ofAddresses, config.limitExempt, metrics);
    const crowd = new Crowd(clock);
    this.clients = new ClientServer({
      door,
      inbound,
      heartbeat,
      limits,
      newcomers,
      crowd,
      settings: config,
      metrics,
      log,
    });
    const drainMs = Math.min(config.drainMs, config.shutdownMs / 2);
    this.drain = new Drain(
      this.clients,
      sessions,
      outboxes,
      { agent: this.agent, registrar, presence: this.presence },
      drainMs,
      clock,
      log,
    );

    readiness.add('lease', () => this.agent.problem());
    readiness.add('presence', () => registrar.problem());
    readiness.add('history', () => history.problem());
    readiness.add('logic', () => this.logic.problem());
    readiness.add('revocations', () => revoked.problem());
    readiness.add('clients', () => (this.clients.isOpen ? undefined : 'clients are not let in'));
  }

  /** Resolves when this node stands in the registry, which is waited for, and clients are let in. */
  async start(endpoint: NodeEndpoint): Promise<void> {
    await this.agent.start(endpoint);
    await this.logic.start();
    await this.revoked.start();
    await this.reconciler.start();
    this.counts.start();
    this.presence.start();
    this.lostGateways.start();
    this.clients.open();
  }

  /** Resolves when the last client is gone and the registry knows. */
  async stop(): Promise<void> {
    await this.drain.run();
    this.comeback.stop();
    this.pacing.stop();
    this.comparison.stop();
    this.repair.stop();
    this.heartbeat.stop();
    this.counts.stop();
    this.presence.stop();
    this.lostGateways.stop();
    this.revoked.stop();
    this.logic.close();
    await this.limits.close();
  }
}
