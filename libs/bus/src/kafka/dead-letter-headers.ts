import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { DeadLetter, DeadRecord, DeadSource } from '../dead-letter-log.js';

/*
 * One partition, two kinds of records, both with the key that the source had:
 *
 *   a letter   value as the source's; all headers below, `cut: 1` when the value was too much for the topic and is empty
 *   a marker   no value; `replayed-at` and the three of the source: what stood there was sent again
 */
export type Sighting =
  { kind: 'letter'; letter: DeadLetter } | { kind: 'marker'; source: DeadSource } | { kind: 'other' };

export function letterHeaders(record: DeadRecord, topic: string, isCut: boolean): IHeaders {
  return {
    ...sourceHeaders(record.source),
    'source-topic': topic,
    reason: record.reason,
    error: record.error,
    'died-at': new Date(record.diedAtMs).toISOString(),
    job: record.job,
    ...(record.messageId !== undefined && { 'message-id': record.messageId }),
    ...(isCut && { cut: '1' }),
  };
}

export function markerHeaders(source: DeadSource, nowMs: number): IHeaders {
  return { ...sourceHeaders(source), 'replayed-at': new Date(nowMs).toISOString() };
}

/** What stands there; `other` when somebody else wrote it. */
export function sightingOf({ offset, key, value, headers = {} }: KafkaMessage): Sighting {
  const said = (name: string): string | undefined => headers[name]?.toString();
  const [epoch, shard, at] = ['source-epoch', 'source-shard', 'source-offset'].map(said);
  const source = { epoch: epoch ?? '', shard: Number(shard ?? NaN), offset: Number(at ?? NaN) };
  if (!Number.isSafeInteger(source.shard) || !Number.isSafeInteger(source.offset)) return { kind: 'other' };
  if (said('replayed-at') !== undefined) return { kind: 'marker', source };
  const letter = {
    place: Number(offset),
    source,
    topic: said('source-topic') ?? '',
    reason: said('reason') ?? '',
    error: said('error') ?? '',
    diedAtMs: Date.parse(said('died-at') ?? '') || 0,
    job: said('job') ?? '',
    messageId: said('message-id'),
    key: key ?? Buffer.alloc(0),
    value: value ?? Buffer.alloc(0),
    isCut: said('cut') === '1',
  };
  return { kind: 'letter', letter };
}

function sourceHeaders({ epoch, shard, offset }: DeadSource): IHeaders {
  return { 'source-epoch': epoch, 'source-shard': String(shard), 'source-offset': String(offset) };
}
