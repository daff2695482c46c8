import type { Publishing } from '@app/bus';
import { channelKey } from '@app/protocol';
import { recordCodec, type PushRecord, type Target } from '@app/protocol/wires';

/** A record stays under this, in bytes, whatever the number of targets. */
const maxRecordBytes = 512 * 1024;

/** Framing of one string of a record in protobuf, at most: field tags and lengths. */
const framingBytes = 12;

export type Push = Omit<PushRecord, 'part'>;

/**
 * One record per (push, shard), listing the channels of that shard in the order given; more, counted by `part`, where
 * one would be over `maxBytes`.
 */
export function recordsOf(push: Push, shardOf: (key: string) => number, maxBytes = maxRecordBytes): Publishing[] {
  const { app, body, id, expiresAtMs, retain, speed } = push;
  const room = Math.max(1, maxBytes - body.length - app.length - id.length - 4 * framingBytes);
  return [...byShard(push, shardOf)].flatMap(([shard, targets]) =>
    split(targets, room).map((some, part) => ({
      shard,
      key: channelKey(app, some[0]!.channel),
      value: recordCodec.encode({ app, targets: some, body, id, expiresAtMs, retain, speed, part }),
    })),
  );
}

function byShard(push: Push, shardOf: (key: string) => number): Map<number, Target[]> {
  const shards = new Map<number, Target[]>();
  for (const target of push.targets) {
    const shard = shardOf(channelKey(push.app, target.channel));
    const there = shards.get(shard);
    if (there === undefined) shards.set(shard, [target]);
    else there.push(target);
  }
  return shards;
}

/** Consecutive runs of at most `room` bytes each; a target larger than that stands alone. */
function split(targets: readonly Target[], room: number): Target[][] {
  const runs: Target[][] = [];
  let left = 0;
  for (const target of targets) {
    const bytes = bytesOf(target);
    if (bytes > left || runs.length === 0) {
      runs.push([]);
      left = room;
    }
    runs.at(-1)!.push(target);
    left -= bytes;
  }
  return runs;
}

const bytesOf = ({ channel, devices }: Target): number =>
  devices.reduce(
    (sum, device) => sum + Buffer.byteLength(device) + framingBytes,
    Buffer.byteLength(channel) + framingBytes,
  );
