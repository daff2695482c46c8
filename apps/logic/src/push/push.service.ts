import { BusUnavailableError, type Bus } from '@app/bus';
import { CodedError, newMessageId, parseConnectionId, parseChannel } from '@app/protocol';
import { bodyCodec, type Target } from '@app/protocol/wires';
import type { Clock, Log } from '@app/runtime';
import type { LogicMetrics } from '../logic.metrics.js';
import type { Caller } from '../rest/caller.js';
import { namesOf } from '../rest/rules.js';
import { payloadOf } from './payload.js';
import type { Accepted, Message } from './push.dto.js';
import { recordsOf } from './records.js';

export interface PushLimits {
  maxPayloadBytes: number;
  maxTargets: number;
}

/** Where a push goes, in the words of the routes. */
export type TargetKind = 'all' | 'rooms' | 'users' | 'connections';

/** A message as it was checked at the door. */
export type PushMessage = Pick<Message, 'type' | 'data' | 'text' | 'base64' | 'ttlMs' | 'exclude'> & {
  retain?: boolean;
};

/** Takes a push: gives it an id, encodes it once, and puts one record per shard on the bus. */
export class PushService {
  constructor(
    private readonly bus: Bus,
    private readonly limits: PushLimits,
    private readonly clock: Clock,
    private readonly metrics: LogicMetrics,
    private readonly log: Log,
  ) {}

  /**
   * Resolves when the bus holds the message, which is not yet when somebody has it.
   * @throws CodedError too_many_targets, payload_too_large, invalid_body
   * @throws BusUnavailableError
   */
  async accept(caller: Caller, kind: TargetKind, targets: readonly Target[], message: PushMessage): Promise<Accepted> {
    const { maxTargets, maxPayloadBytes } = this.limits;
    if (targets.length > maxTargets) {
      throw new CodedError('too_many_targets', `${targets.length} targets; ${maxTargets} is the most in one call.`);
    }
    const payload = payloadOf(message, maxPayloadBytes);
    const acceptedAtMs = this.clock.now();
    const id = newMessageId(acceptedAtMs);
    const expiresAtMs = message.ttlMs === undefined ? 0 : acceptedAtMs + message.ttlMs;
    const body = bodyCodec.encode({
      id,
      type: message.type ?? 0,
      ...payload,
      acceptedAtMs,
      expiresAtMs,
      traceparent: caller.traceparent,
      excludeUsers: [...new Set(namesOf(message.exclude?.users))],
      excludeConnections: [...new Set(message.exclude?.connections)],
      match: '',
      variants: [],
    });
    if (!(this.bus.shards > 0)) throw new BusUnavailableError('the bus is not open yet');
    const push = { app: caller.app, targets: this.reachable(targets), body, id, expiresAtMs };
    const records = recordsOf({ ...push, retain: message.retain ?? kind !== 'connections', speed: 0 }, (key) =>
      this.bus.shardOf(key),
    );
    if (records.length > 0) await this.bus.publish(records);
    this.metrics.pushes.inc({ target: kind });
    this.metrics.records.inc(records.length);
    this.log.debug({ message: id, kind, targets: push.targets.length, records: records.length }, 'push accepted');
    return {
      id,
      acceptedAt: new Date(acceptedAtMs).toISOString(),
      ...(this.bus.durable ? {} : { durable: false as const }),
    };
  }

  /** Each channel once; what is no connection id can reach nobody and is counted here. */
  private reachable(targets: readonly Target[]): Target[] {
    const once = new Map(targets.map((target) => [target.channel, target]));
    for (const channel of once.keys()) {
      const parsed = parseChannel(channel); // undefined for a connection id of no characters
      if (!parsed || (parsed.kind === 'connection' && parseConnectionId(parsed.name) === undefined)) {
        once.delete(channel);
        this.metrics.dropped.inc({ stage: 'logic', reason: 'no_such_connection' });
      }
    }
    return [...once.values()];
  }
}
