import { createMemoryHistory, parsePolicies, placeOf, type AppendRecord } from '@app/history';
import { defaultApp, type Channel, type Position } from '@app/protocol';
import {
  bodyCodec,
  Encoding,
  type Body,
  type Delivery,
  type DeliveryAck,
  type DeliveryBatch,
} from '@app/protocol/wires';
import { createMemoryRegistry } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { Fanout } from './fanout/fanout.js';
import { Intake } from './fanout/intake.js';
import { LaneGuard } from './fanout/lane-guard.js';
import { Pacing } from './fanout/pacing.js';
import { Reach } from './fanout/reach.js';
import { Arrivals } from './replay/arrivals.js';
import { Comparison } from './replay/comparison.js';
import { GapRepair, type RepairLimits } from './replay/gap-repair.js';
import { HistoryLook } from './replay/history-look.js';
import { Replay } from './replay/replay.js';
import { ChannelTable } from './room/channel-table.js';
import { CurrentEpoch } from './room/current-epoch.js';
import { FakeConnection } from './session/connection.contract.js';
import type { Hello, Ticket } from './session/door.js';
import { Outboxes } from './session/outboxes.js';
import { SessionTable } from './session/session-table.js';
import type { Session } from './session/session.js';
import { DeviceClaims } from './upstream/device-claims.js';
import { LastingRooms } from './upstream/lasting-rooms.js';
import { LogicClient, type LogicLink } from './upstream/logic.client.js';
import { Registrar } from './upstream/registrar.js';

/** A client as the specs see it: what it was sent, and how it was closed. */
export class WrittenConnection extends FakeConnection {
  get closedWith(): number | undefined {
    return typeof this.ended === 'object' ? this.ended.code : undefined;
  }

  override get packets(): Record<string, unknown>[] {
    return super.packets as Record<string, unknown>[];
  }

  /** `data` of the pushed frames, in order. */
  get pushed(): unknown[] {
    return this.packets.filter((packet) => 'id' in packet || packet['type'] === 0).map((packet) => packet['data']);
  }
}

/** The texts of unmasked frames (RFC 6455 §5.2) that lie one after the other. */
export function textsOf(frames: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < frames.length;) {
    const short = frames[at + 1]!;
    const [length, head] =
      short < 126
        ? [short, 2]
        : short === 126
          ? [frames.readUInt16BE(at + 2), 4]
          : [Number(frames.readBigUInt64BE(at + 2)), 10];
    texts.push(frames.toString('utf8', at + head, at + head + length));
    at += head + length;
  }
  return texts;
}

/** All that can happen without time passing has happened. */
export async function turns(count = 5): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

const noLogic = (): LogicLink => ({ call: () => Promise.reject(new Error('no logic here')), close: () => {} });

/** A guard that lets everybody into every room. */
export const anyRoom = { judge: () => undefined, forget: () => {} };

const owner = { shard: 0, epoch: '', ownerEpoch: 1 };

/** Everything of a gateway between RPC and sockets, with the registry and history of this process. */
export async function openRig(options: { maxOutboxBytes?: number; maxRooms?: number; limits?: RepairLimits } = {}) {
  const { maxOutboxBytes = 1_048_576, maxRooms = 100, limits } = options;
  const clock = new ManualClock();
  const metrics = new Metrics();
  const log = silentLog;
  const registry = createMemoryRegistry(clock);
  const history = createMemoryHistory(parsePolicies(''), clock);
  const epochName = await history.epochOf('life');
  await history.claim({ ...owner, epoch: epochName });
  const node = 'g1~1';
  const sessions = new SessionTable();
  sessions.identify('g1', 1);
  const registrar = new Registrar(registry.presence, () => node, clock, log);
  const channels = new ChannelTable(
    (local, present) => registrar.tell(local, present),
    undefined,
    (messages) => metrics.dropped.inc({ stage: 'replay', reason: 'left' }, messages),
  );
  const epoch = new CurrentEpoch(sessions, channels, log, (messages) =>
    metrics.dropped.inc({ stage: 'replay', reason: 'epoch' }, messages),
  );
  const outboxes = new Outboxes(maxOutboxBytes, metrics);
  const look = new HistoryLook(history, epoch, sessions, clock, metrics);
  const repair = new GapRepair(look, epoch, clock, log, metrics, limits);
  const comparison = new Comparison(look, repair, channels, epoch, clock, log);
  const replay = new Replay(channels, registrar, look, epoch, outboxes, clock, log, metrics);
  const pacing = new Pacing(epoch, clock, log, metrics);
  const fanout = new Fanout(channels, sessions, outboxes, repair, pacing, clock, log, metrics, maxOutboxBytes);
  const lanes = new LaneGuard(history, epoch, () => node, metrics);
  const intake = new Intake(lanes, fanout, outboxes, comparison);
  const logic = new LogicClient(registry.nodes, noLogic, clock, log);
  const claims = new DeviceClaims(registry.devices, sessions, logic, clock, log);
  const welcome = { node: 'g1', heartbeatMs: 25_000, timeoutMs: 60_000, maxMessageBytes: 65_536, maxRooms };
  const lasting = new LastingRooms(registry.memberships);
  const arrivals = new Arrivals(sessions, replay, claims, lasting, outboxes, welcome, log, metrics);

  let offset = -1;
  /** What job does before it dispatches: the next offset, appended to history. */
  const append = async (to: Channel[], data: unknown, more: Partial<Body & { retain: boolean }> = {}) => {
    offset += 1;
    const id = String(offset).padStart(26, '0');
    const { retain = true, ...rest } = more;
    const body = bodyCodec.encode({ ...emptyBody, id, payload: Buffer.from(JSON.stringify(data)), ...rest });
    const targets = to.map((channel) => ({ channel, devices: [] as string[] }));
    const { expiresAtMs = 0 } = rest;
    const record: AppendRecord = { offset, app: defaultApp, id, part: 0, retain, expiresAtMs, targets, body };
    const [kept] = await history.append({ ...owner, epoch: epochName }, [record]);
    if (kept === 'duplicate') throw new Error('appended twice');
    const steps = to.map((channel, i) => ({ channel, devices: [] as string[], ...placeOf(kept![i]!) }));
    return { offset, steps, body, app: defaultApp, rate: 0 } satisfies Delivery;
  };
  const bodyOf = (data: unknown, id: string) =>
    bodyCodec.encode({ ...emptyBody, id, payload: Buffer.from(JSON.stringify(data)) });
  const deliver = (deliveries: Delivery[], more: Partial<DeliveryBatch> = {}): Promise<DeliveryAck> =>
    intake.take({ epoch: epochName, shard: 0, ownerEpoch: 1, incarnation: node, deliveries, ...more });

  return {
    clock,
    metrics,
    registry,
    history,
    sessions,
    registrar,
    channels,
    epoch,
    outboxes,
    look,
    repair,
    comparison,
    replay,
    fanout,
    pacing,
    reach: new Reach(channels, sessions),
    lanes,
    intake,
    claims,
    arrivals,
    epochName,
    append,
    bodyOf,
    deliver,
    push: async (to: Channel[], data: unknown, more: Partial<Body & { retain: boolean }> = {}) =>
      deliver([await append(to, data, more)]),
    /** A session on its way in; `arrived` resolves when it is welcomed. */
    connect(
      who: {
        user?: string;
        device?: string;
        rooms?: string[];
        since?: [string, Position][];
        types?: number[];
        isMinimal?: boolean;
        labels?: Record<string, string>;
        connSeq?: number;
      } = {},
    ) {
      const connection = new WrittenConnection();
      const session = sessions.add(connection);
      const { user, device, rooms = [], connSeq = 0, types = null, isMinimal = false, labels = null } = who;
      session.become({ app: defaultApp, user, device, connSeq, expiresAtMs: 0 });
      Object.assign(session, { types, isMinimal, labels });
      const hello: Hello = {
        token: undefined,
        user,
        device,
        app: undefined,
        rooms,
        since: new Map(who.since),
        labels,
        types,
        isMinimal,
        remoteAddress: '127.0.0.1',
      };
      const ticket: Ticket = { hello, identity: undefined, rooms, labels };
      const arrived = arrivals.arrive(session, ticket).then(() => outboxes.afterFlush());
      return { session, connection, arrived };
    },
    /** As after the registry had lost this node. */
    catchUp: async () => {
      comparison.ask(fanout);
      await turns();
      clock.advance(1_000);
      await turns();
    },
    leave(session: Session) {
      session.state = 'closed';
      for (const local of channels.channelsOf(session)) channels.leave(session, local);
      sessions.remove(session);
    },
    dropped: async (stage: string, reason: string) =>
      (await metrics.dropped.get()).values.find(({ labels }) => labels.stage === stage && labels.reason === reason)
        ?.value ?? 0,
  };
}

export type Rig = Awaited<ReturnType<typeof openRig>>;

const emptyBody: Body = {
  id: '',
  type: 0,
  encoding: Encoding.json,
  payload: Buffer.alloc(0),
  acceptedAtMs: 1,
  expiresAtMs: 0,
  traceparent: '',
  excludeUsers: [],
  excludeConnections: [],
  match: '',
  variants: [],
};

/** Makes calls of a method wait until let go: before they are made, or (`'answer'`) with what was so when they were asked. */
export function holdCalls<T extends object, K extends keyof T & string>(
  target: T,
  method: K,
  hold: 'call' | 'answer' = 'call',
) {
  const original = target[method] as (...args: unknown[]) => Promise<unknown>;
  let calls = 0;
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  Object.assign(target, {
    [method]: async (...args: unknown[]) => {
      calls += 1;
      if (hold === 'call') await gate;
      const answer = await original.apply(target, args);
      await gate;
      return answer;
    },
  });
  return {
    calls: () => calls,
    letGo: () => open(),
    /** Later calls are not held. */
    stop: () => Object.assign(target, { [method]: original }),
  };
}
