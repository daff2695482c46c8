import { BusUnavailableError, type Bus, type Publishing } from '@app/bus';
import {
  newMessageId,
  PacketType,
  roomChannel,
  type Presence,
  type PresenceLost,
  type RoomPolicies,
} from '@app/protocol';
import { bodyCodec, Encoding } from '@app/protocol/wires';
import type { Census } from '@app/registry';
import type { PresenceReport, PresenceTold } from '@app/rpc';
import type { Clock } from '@app/runtime';
import type { LogicMetrics } from '../logic.metrics.js';
import { recordsOf } from '../push/records.js';

/**
 * Tells members of rooms who comes and goes, the way of a push that is not kept: in the order of the room's messages, to
 * every gateway that holds the room.
 */
export class PresenceService {
  constructor(
    private readonly bus: Bus,
    private readonly census: Pick<Census, 'sizes'>,
    private readonly policies: Pick<RoomPolicies, 'wantsPresence'>,
    private readonly maxMembers: number,
    private readonly clock: Clock,
    private readonly metrics: LogicMetrics,
  ) {}

  /**
   * Resolves when the bus holds what may be told.
   * @throws BusUnavailableError; what the registry throws when it does not answer. Some may have been told.
   */
  async tell(reports: readonly PresenceReport[]): Promise<PresenceTold> {
    if (!(this.bus.shards > 0)) throw new BusUnavailableError('the bus is not open yet');
    const wanted = reports.filter(({ room }) => this.policies.wantsPresence(room));
    const sizes = await this.sizesOf(wanted);
    const isCrowded = (report: PresenceReport) => (sizes.get(report) ?? 0) > this.maxMembers;
    const records = wanted.flatMap((report) => this.recordsOf(report, isCrowded(report)));
    if (records.length > 0) await this.bus.publish(records);
    this.metrics.presence.inc(records.length);
    this.metrics.records.inc(records.length);
    return { crowded: reports.map(isCrowded) };
  }

  private async sizesOf(reports: readonly PresenceReport[]): Promise<Map<PresenceReport, number>> {
    const apps = [...new Set(reports.map(({ app }) => app))];
    const sizes = await Promise.all(
      apps.map(async (app) => {
        const own = reports.filter((report) => report.app === app);
        const members = await this.census.sizes(
          app,
          own.map(({ room }) => room),
        );
        return own.map((report, i) => [report, members[i]!] as const);
      }),
    );
    return new Map(sizes.flat());
  }

  /** A room that grew too large is told so once, and once more before it is told of anybody again. */
  private recordsOf(report: PresenceReport, isCrowded: boolean): Publishing[] {
    const { app, room, changes } = report;
    const isLost = isCrowded ? !report.isCrowded : report.isLost || report.isCrowded;
    const lost = isLost ? this.record(app, room, PacketType.presenceLost, { room }) : [];
    if (isCrowded) return lost;
    const told = changes.flatMap(({ connection, user, isIn }) => {
      const type = isIn ? PacketType.presenceJoined : PacketType.presenceLeft;
      const presence = { room, ...(user !== undefined && { user }), connectionId: connection };
      // Who comes knows that himself.
      return this.record(app, room, type, presence, isIn ? [connection] : []);
    });
    return [...lost, ...told];
  }

  private record(
    app: string,
    room: string,
    type: number,
    data: Presence | PresenceLost,
    excludeConnections: string[] = [],
  ): Publishing[] {
    const acceptedAtMs = this.clock.now();
    const id = newMessageId(acceptedAtMs);
    const payload = Buffer.from(JSON.stringify(data));
    const expiresAtMs = 0;
    const nobody = { traceparent: '', excludeUsers: [], match: '', variants: [] };
    const body = {
      id,
      type,
      encoding: Encoding.json,
      payload,
      acceptedAtMs,
      expiresAtMs,
      excludeConnections,
      ...nobody,
    };
    const targets = [{ channel: roomChannel(room), devices: [] }];
    const push = { app, targets, body: bodyCodec.encode(body), id, expiresAtMs, retain: false, speed: 0 };
    return recordsOf(push, (key) => this.bus.shardOf(key));
  }
}
