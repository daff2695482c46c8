import { channelKey, type Channel, type Position } from '@app/protocol';
import { notRetained } from '@app/protocol/wires';
import type { Clock } from '@app/runtime';
import type { ChannelPolicies } from '../channel-policy.js';
import { newEpoch } from '../epoch.js';
import {
  GhostOwnerError,
  HistoryLostError,
  HistoryStore,
  type AppendRecord,
  isRetained,
  type ChannelTop,
  type Claimed,
  type HistoryPage,
  type Kept,
  type ShardOwner,
} from '../history-store.js';
import { isKept, keptOf, metaLifeMs } from '../retention.js';
import { MemoryChannel } from './memory-channel.js';
import { ShardOwners } from './shard-owners.js';

const sweepEveryMs = 60_000;

/** History of one process: gone with it. Ours to share between the apps of standalone. */
export class MemoryHistoryStore extends HistoryStore {
  private readonly epochs = new Map<string, string>();
  private current: string | undefined;
  private readonly owners = new ShardOwners();
  private readonly channels = new Map<string, { channel: MemoryChannel; forgetAtMs: number }>();
  private readonly sweeping;

  constructor(
    private readonly policies: ChannelPolicies,
    private readonly clock: Clock,
  ) {
    super();
    this.sweeping = clock.every(sweepEveryMs, () => this.sweep());
  }

  epochOf(life: string): Promise<string> {
    const epoch = this.epochs.get(life) ?? newEpoch(this.clock.now());
    this.epochs.set(life, epoch);
    this.current = epoch;
    return Promise.resolve(epoch);
  }

  renewEpoch(life: string, old: string, noted = old): Promise<string> {
    if ((this.epochs.get(life) ?? old) === old) this.epochs.set(life, newEpoch(this.clock.now(), [old, noted]));
    return this.epochOf(life);
  }

  currentEpoch(): Promise<string | undefined> {
    return Promise.resolve(this.current);
  }

  claim(owner: ShardOwner): Promise<Claimed | 'ahead'> {
    return Promise.resolve(this.owners.claim(owner));
  }

  remembers(life: string, owners: readonly ShardOwner[]): Promise<boolean[]> {
    const epoch = this.epochs.get(life);
    return Promise.resolve(owners.map((owner) => owner.epoch === epoch && this.owners.isAsLeft(owner)));
  }

  replicated(): undefined {
    return undefined;
  }

  append(owner: ShardOwner, records: readonly AppendRecord[]): Promise<Kept> {
    const isWrite = records.some((record) => record.targets.some((target) => isKept(this.policies, target.channel)));
    const refusal = isWrite ? this.refusal(owner) : undefined;
    if (refusal) return Promise.reject(refusal);
    const kept = keptOf(
      records.map((record) =>
        record.targets.map(({ channel, devices }) =>
          isKept(this.policies, channel) ? this.write(owner.epoch, record, channel, devices) : notRetained,
        ),
      ),
    );
    this.owners.retained(owner.shard, records.findLast((_, i) => isRetained(kept[i]!))?.offset ?? -1);
    return Promise.resolve(kept);
  }

  probe(owner: ShardOwner): Promise<void> {
    const refusal = this.refusal(owner);
    return refusal ? Promise.reject(refusal) : Promise.resolve();
  }

  tops(app: string, channels: readonly Channel[]): Promise<ChannelTop[]> {
    return Promise.resolve(
      channels.map((name) => {
        const channel = this.find(app, name);
        channel?.trim(this.clock.now());
        const { epoch = this.current ?? '', top: offset = -1, floor = -1, seen = -1 } = channel ?? {};
        return { epoch, offset, floor, seen };
      }),
    );
  }

  read(app: string, channel: Channel, since: Position, limit = Infinity): Promise<HistoryPage> {
    const found = this.find(app, channel);
    if (found) return Promise.resolve(found.read(since, limit, this.clock.now()));
    const epoch = this.current ?? '';
    const recovered = since.epoch === epoch && since.offset === -1 && isKept(this.policies, channel);
    return Promise.resolve({ epoch, entries: [], top: -1, recovered });
  }

  problem(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    this.sweeping.stop();
    return Promise.resolve();
  }

  private refusal(owner: ShardOwner): Error | undefined {
    const standing = this.owners.admit(owner);
    if (standing === 'ghost') return new GhostOwnerError(`shard ${owner.shard} has a later owner`);
    if (standing === 'lost') return new HistoryLostError(`shard ${owner.shard} is not as it was left`);
    return undefined;
  }

  private write(epoch: string, record: AppendRecord, name: Channel, devices: readonly string[]): number {
    const key = channelKey(record.app, name);
    const policy = this.policies.of(name);
    const nowMs = this.clock.now();
    const held = this.channels.get(key);
    const channel = held?.channel.epoch === epoch ? held.channel : new MemoryChannel(epoch);
    this.channels.set(key, { channel, forgetAtMs: nowMs + metaLifeMs(policy.ttlMs) });
    return record.retain ? channel.append(record, devices, policy, nowMs) : channel.pass(record.offset);
  }

  /** The channel if it was written in the current epoch. */
  private find(app: string, name: Channel): MemoryChannel | undefined {
    const channel = this.channels.get(channelKey(app, name))?.channel;
    return channel && channel.epoch === (this.current ?? channel.epoch) ? channel : undefined;
  }

  private sweep(): void {
    const nowMs = this.clock.now();
    for (const [key, { channel, forgetAtMs }] of this.channels) {
      channel.trim(nowMs);
      if (forgetAtMs <= nowMs) this.channels.delete(key);
    }
  }
}
