import { channelKey, type Channel, type Position } from '@app/protocol';
import { notRetained } from '@app/protocol/wires';
import type { Log, Metrics, RedisLink } from '@app/runtime';
import type { ChannelPolicies } from '../channel-policy.js';
import { newEpoch } from '../epoch.js';
import {
  GhostOwnerError,
  HistoryStore,
  notRetainedAfter,
  type AppendRecord,
  type ChannelTop,
  type Claimed,
  type HistoryPage,
  type Kept,
  type ShardOwner,
} from '../history-store.js';
import { heldIds, isKept, keptOf, metaLifeMs } from '../retention.js';
import { ChannelBatches } from './channel-batches.js';
import { defineHistoryCommands, type PipelineAnswers } from './commands.js';
import { packTail, unpackEntry } from './packed-entry.js';
import type { ReplicaSettings } from '../replica-settings.js';
import { Replication } from './replication.js';
import { isAsLeft, lost, type ShardSeen } from './shard-seen.js';

/**
 * History in Redis: a list of packed entries and a small hash per channel (one hash tag), one script call per channel and
 * batch. The owner of a shard is checked in each of them, so a ghost is refused on channels that the new owner has not
 * written yet. Redis's clock alone decides what is too old.
 *
 * What it acknowledged it says in `to` of the shard, so that a store that was emptied, or came back older, refuses the
 * next append of whoever knows better. A channel without a word for `metaLifeMs` (seven days at least) is forgotten and
 * begins as a new one.
 */
export class RedisHistoryStore extends HistoryStore {
  private readonly epochs: string;

  constructor(
    private readonly link: RedisLink,
    private readonly prefix: string,
    private readonly policies: ChannelPolicies,
    private readonly metrics?: Metrics,
    private readonly replication?: Replication,
  ) {
    super();
    this.epochs = `${prefix}h:epochs`;
    defineHistoryCommands(link);
  }

  async epochOf(life: string): Promise<string> {
    return (await this.link.connected()).skylarkEpoch(this.epochs, life, newEpoch(Date.now()), '');
  }

  async renewEpoch(life: string, old: string, noted = old): Promise<string> {
    return (await this.link.connected()).skylarkEpoch(this.epochs, life, newEpoch(Date.now(), [old, noted]), old);
  }

  async currentEpoch(): Promise<string | undefined> {
    return (await (await this.link.connected()).hget(this.epochs, 'current')) ?? undefined;
  }

  async claim(owner: ShardOwner): Promise<Claimed | 'ahead'> {
    const redis = await this.link.connected();
    const retainedTo = await redis.skylarkClaim(this.shardKey(owner.shard), owner.epoch, owner.ownerEpoch);
    return retainedTo === null ? 'ahead' : { retainedTo: Number(retainedTo) };
  }

  async remembers(life: string, owners: readonly ShardOwner[]): Promise<boolean[]> {
    const pipeline = (await this.link.connected()).pipeline();
    if (this.replication) pipeline.info('replication');
    pipeline.hget(this.epochs, `of:${life}`);
    for (const { shard } of owners) pipeline.hmget(this.shardKey(shard), 'epoch', 'owner', 'to');
    const answers = (await pipeline.exec()) ?? [];
    if (this.replication) this.replication.saw(answers.shift()![1]);
    const [epoch, ...shards] = resultsOf<string | null | ShardSeen>(answers);
    return owners.map((owner, i) => owner.epoch === epoch && isAsLeft(shards[i] as ShardSeen, owner));
  }

  replicated(owner: ShardOwner): Promise<void> | undefined {
    return this.replication?.of(owner);
  }

  async append(owner: ShardOwner, records: readonly AppendRecord[]): Promise<Kept> {
    const prevs = records.map((record) => record.targets.map(() => notRetained as number));
    const batches = new ChannelBatches();
    for (const [i, record] of records.entries()) {
      for (const [j, { channel, devices }] of record.targets.entries()) {
        if (isKept(this.policies, channel)) batches.add(record, channel, devices, (prev) => (prevs[i]![j] = prev));
      }
    }
    if (batches.size === 0) return keptOf(prevs);
    const { epoch, ownerEpoch, retainedTo = -1 } = owner;
    const pipeline = (await this.link.connected()).pipeline();
    let place = 0;
    for (const { app, channel, args } of batches) {
      place += 1;
      const { size, ttlMs } = this.policies.of(channel);
      const keys = [...this.channelKeys(app, channel), this.shardKey(owner.shard)];
      const batch = [epoch, ownerEpoch, retainedTo, place, batches.size, batches.lastOffset];
      pipeline.skylarkAppend(...keys, ...batch, size, ttlMs, metaLifeMs(ttlMs), heldIds, ...args);
    }
    const answers = resultsOf<string[]>(await pipeline.exec(), owner);
    for (const [i, batch] of [...batches].entries()) batch.answer(answers[i]!.map(keptIn));
    return keptOf(prevs);
  }

  async probe(owner: ShardOwner): Promise<void> {
    const pipeline = (await this.link.connected()).pipeline();
    const tag = `${this.prefix}h:{probe/${owner.shard}}`; // channels' keys begin with an app id and have names
    const now = String(Date.now());
    const entry = [now, now, packTail(0, [], new Uint8Array(1))];
    const keys = [`${tag}:l`, `${tag}:m`, this.shardKey(owner.shard)];
    const alone = [owner.epoch, owner.ownerEpoch, owner.retainedTo ?? -1, 1, 1, -1];
    pipeline.skylarkAppend(...keys, ...alone, 1, probeLifeMs, probeLifeMs, 1, ...entry);
    resultsOf(await pipeline.exec(), owner);
  }

  async tops(app: string, channels: readonly Channel[]): Promise<ChannelTop[]> {
    if (channels.length === 0) return [];
    const pipeline = (await this.link.connected()).pipeline();
    for (const channel of channels) pipeline.skylarkTop(...this.channelKeys(app, channel), this.epochs);
    return resultsOf<string[]>(await pipeline.exec()).map(([current, epoch, top, floor, , seen]) =>
      epoch === undefined
        ? { epoch: current!, offset: -1, floor: -1, seen: -1 }
        : { epoch, offset: Number(top), floor: Number(floor), seen: Number(seen) },
    );
  }

  async read(app: string, channel: Channel, since: Position, limit = Infinity): Promise<HistoryPage> {
    const redis = await this.link.connected();
    const keys = [...this.channelKeys(app, channel), this.epochs] as const;
    const answer = await redis.skylarkReadBuffer(...keys, since.epoch, since.offset);
    const [current, epoch, top, floor, first, , nowMs] = answer.slice(0, 7).map(String);
    if (epoch === undefined) {
      const recovered = since.epoch === current && since.offset === -1 && isKept(this.policies, channel);
      return { epoch: current!, entries: [], top: -1, recovered };
    }
    const held = answer.slice(7).map(unpackEntry);
    const readable = held.filter((entry) => entry !== undefined);
    this.metrics?.dropped.inc({ stage: 'history', reason: 'undecodable' }, held.length - readable.length);
    const alive = readable.filter((entry) => entry.expiresAtMs === 0 || entry.expiresAtMs > Number(nowMs));
    const entries = alive
      .slice(Math.max(0, alive.length - limit))
      .map(({ offset, prev, devices, body }) => ({ offset, prev, devices, body }));
    const isWhole = entries.length === alive.length && readable.length === held.length;
    const isKnown = since.offset === -1 || since.offset >= Number(first);
    const recovered = since.epoch === epoch && isKnown && Number(floor) <= since.offset && isWhole;
    return { epoch, entries, top: Number(top), recovered };
  }

  problem(): Promise<string | undefined> {
    return this.link.problem();
  }

  async close(): Promise<void> {
    await this.replication?.close();
    await this.link.close();
  }

  /** Names hold no braces, so the tag is the whole channel key. */
  private channelKeys(app: string, channel: Channel): [list: string, meta: string] {
    const tag = `${this.prefix}h:{${channelKey(app, channel)}}`;
    return [`${tag}:l`, `${tag}:m`];
  }

  private shardKey(shard: number): string {
    return shardKey(this.prefix, shard);
  }
}

export const shardKey = (prefix: string, shard: number): string => `${prefix}h:shard:${shard}`;

/** @throws the first error among the answers; a ghost's and a loss by their names. */
function resultsOf<T>(answers: PipelineAnswers, owner?: ShardOwner): T[] {
  return (answers ?? []).map(([error, result]) => {
    if (!error) return result as T;
    if (owner && error.message.includes('GHOST')) {
      throw new GhostOwnerError(`shard ${owner.shard} has a later owner than ${owner.ownerEpoch} of ${owner.epoch}`);
    }
    if (owner && error.message.includes('LOST')) throw lost(owner);
    throw error;
  });
}

/** As in Kept, from the script's text: `after <top>` of what is not retained. */
const keptIn = (answer: string): number =>
  answer.startsWith('after ') ? notRetainedAfter(Number(answer.slice(6))) : Number(answer);

/** How long the probes of a shard are remembered. */
const probeLifeMs = 60_000;

/** History behind a connection; closing the store closes it. */
export function openRedisHistory(
  link: RedisLink,
  options: { prefix: string; policies: ChannelPolicies; replicas?: ReplicaSettings; log: Log; metrics?: Metrics },
): RedisHistoryStore {
  const { prefix, policies, replicas, log, metrics } = options;
  const keys = { rounds: `${prefix}h:rounds`, shard: (shard: number) => shardKey(prefix, shard) };
  const replication = replicas?.replicas ? new Replication(link, replicas, keys, log, metrics) : undefined;
  return new RedisHistoryStore(link, prefix, policies, metrics, replication);
}
