import type { Bus, DeadLetter, Publishing } from '@app/bus';
import { channelKey } from '@app/protocol';
import { recordCodec, type PushRecord, type Target } from '@app/protocol/wires';

/** The records that a dead one is sent again as, or why it cannot be. */
export type WayBack = readonly Publishing[] | string;

/**
 * A dead record goes back to its own shard with its own bytes. When the number of shards has changed since, its channels
 * say where it belongs now.
 * @param record undefined when the letter cannot be read.
 */
export function wayBack(
  letter: DeadLetter,
  record: PushRecord | undefined,
  bus: Pick<Bus, 'shards' | 'shardOf'>,
): WayBack {
  const { source, key, value, isCut, topic } = letter;
  const { shard, offset } = source;
  if (isCut) return `it was too large to be kept; it may still stand in ${topic}, shard ${shard}, at ${offset}`;
  const isAtHome = record?.targets.every(({ channel }) => bus.shardOf(channelKey(record.app, channel)) === shard);
  if (record !== undefined && !isAtHome) return moved(record, shard, bus);
  if (shard >= bus.shards) {
    return `its shard ${shard} is no more (there are ${bus.shards}), and its channels cannot be read`;
  }
  return [{ shard, key, value, replayOf: offset }];
}

/** One record per shard of today. Parts of one push may meet in a shard now, and must not be taken for repeats. */
function moved(record: PushRecord, from: number, bus: Pick<Bus, 'shardOf'>): Publishing[] {
  const shards = new Map<number, Target[]>();
  for (const target of record.targets) {
    const shard = bus.shardOf(channelKey(record.app, target.channel));
    shards.set(shard, [...(shards.get(shard) ?? []), target]);
  }
  const part = (from + 1) * partsOfShard + record.part;
  return [...shards].map(([shard, targets]) => ({
    shard,
    key: channelKey(record.app, targets[0]!.channel),
    value: recordCodec.encode({ ...record, targets, part }),
  }));
}

/** More than a push of 10,000 targets is ever split into. */
const partsOfShard = 65_536;
