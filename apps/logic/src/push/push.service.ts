import { BusUnavailableError, type Bus, type Publishing } from '@app/bus';
import { CodedError, newMessageId, parseConnectionId, parseChannel } from '@app/protocol';
import { bodyCodec, type Body, type Target } from '@app/protocol/wires';
import type { Clock, Log } from '@app/runtime';
import type { LogicMetrics } from '../logic.metrics.js';
import type { Caller } from '../rest/caller.js';
import { namesOf } from '../rest/rules.js';
import { expiryOf, type CheckedPush, type KeyedPush } from './checked-push.js';
import { fingerprintOf } from './fingerprint.js';
import { messageIdOfKey } from './idempotency-key.js';
import type { Message } from './message.dto.js';
import { payloadOf, variantsOf } from './payload.js';
import type { Accepted } from './push.dto.js';
import { recordsOf } from './records.js';
import type { TargetKind } from './targets.js';

export interface PushLimits {
  maxPayloadBytes: number;
  maxTargets: number;
}

export type { TargetKind };

/** A message as it was checked at the door. */
export type PushMessage = Pick<Message, 'type' | 'data' | 'text' | 'base64' | 'variants' | 'ttlMs' | 'exclude'> & {
  match?: string;
  retain?: boolean;
  speed?: number;
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
   * @throws BusUnavailableError
   */
  async put(push: CheckedPush): Promise<Accepted> {
    const records = this.recordsOf(push);
    if (records.length > 0) await this.bus.publish(records);
    return this.accepted(push, records.length);
  }

  /**
   * What the push will be, with its id; nothing has happened yet. With a key it is a KeyedPush.
   * @throws CodedError too_many_targets, payload_too_large, invalid_body
   */
  check(
    caller: Caller,
    kind: TargetKind,
    targets: readonly Target[],
    message: PushMessage,
    key?: string,
  ): CheckedPush | KeyedPush {
    const { maxTargets, maxPayloadBytes } = this.limits;
    const named = targets.reduce((sum, { devices }) => sum + Math.max(1, devices.length), 0);
    if (named > maxTargets) {
      throw new CodedError('too_many_targets', `${named} targets; ${maxTargets} is the most in one call.`);
    }
    const payload = payloadOf(message, maxPayloadBytes);
    const acceptedAtMs = this.clock.now();
    const { retain = kind !== 'connections', speed = 0, ttlMs } = message;
    const body: Body = {
      id: key === undefined ? newMessageId(acceptedAtMs) : messageIdOfKey(caller.app, key),
      type: message.type ?? 0,
      ...payload,
      acceptedAtMs,
      expiresAtMs: expiryOf(acceptedAtMs, ttlMs),
      traceparent: caller.traceparent,
      excludeUsers: [...new Set(namesOf(message.exclude?.users))],
      // What is no id excludes nobody, and could be of any length.
      excludeConnections: [...new Set(message.exclude?.connections)].filter((id) => parseConnectionId(id)),
      match: message.match ?? '',
      variants: variantsOf(message.variants ?? [], payload, maxPayloadBytes),
    };
    const push = { kind, app: caller.app, ...reachable(targets), body, ttlMs, retain, speed };
    return key === undefined ? push : { ...push, fingerprint: fingerprintOf(push) };
  }

  /** @throws BusUnavailableError while the number of shards is not known. */
  recordsOf({ app, targets, body, retain, speed }: CheckedPush): Publishing[] {
    if (!(this.bus.shards > 0)) throw new BusUnavailableError('the bus is not open yet');
    const { id, expiresAtMs } = body;
    const push = { app, targets, body: bodyCodec.encode(body), id, expiresAtMs, retain, speed };
    return recordsOf(push, (key) => this.bus.shardOf(key));
  }

  /** The bus holds all records of it. */
  accepted({ kind, targets, unreachable, body: { id, acceptedAtMs } }: CheckedPush, records: number): Accepted {
    if (unreachable > 0) this.metrics.dropped.inc({ stage: 'logic', reason: 'no_such_connection' }, unreachable);
    this.metrics.pushes.inc({ target: kind });
    this.metrics.records.inc(records);
    this.log.debug({ message: id, kind, targets: targets.length, records }, 'push accepted');
    return {
      id,
      acceptedAt: new Date(acceptedAtMs).toISOString(),
      ...(this.bus.durable ? {} : { durable: false as const }),
    };
  }
}

/** Each channel once, and how many connections were named by what is no id, so that they can reach nobody. */
function reachable(targets: readonly Target[]): { targets: Target[]; unreachable: number } {
  const once = new Map(targets.map((target) => [target.channel, target]));
  let unreachable = 0;
  for (const channel of once.keys()) {
    const parsed = parseChannel(channel); // undefined for a connection id of no characters
    if (parsed && (parsed.kind !== 'connection' || parseConnectionId(parsed.name) !== undefined)) continue;
    once.delete(channel);
    unreachable += 1;
  }
  return { targets: [...once.values()], unreachable };
}
