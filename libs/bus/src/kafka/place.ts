import type { Log } from '@app/runtime';
import type { RetentionWatch } from './retention-watch.js';

/** What the group keeps of a shard: where its next owner starts, and what the last one left to say. */
export interface Place {
  offset: number;
  note: string;
  /** No owner has gone on from here yet: records of another log may have had these offsets before. */
  isBeginning: boolean;
}

/** A shard in Kafka. */
export interface Standing {
  /** -1 or less when nothing was committed. */
  committed: number;
  /** What was written beside the committed offset. */
  metadata: string;
  /** The first record that is still held. */
  low: number;
  /** The offset of the next record to come. */
  high: number;
}

/** Written beside an offset: the id of the topic that it belongs to, a mark when it is a beginning, the note. */
const METADATA = /^([\w-]{22}|-)(\*?) (.*)$/s;

export function metadataOf({ note, isBeginning }: Place, topicId: string | undefined): string {
  return `${topicId ?? '-'}${isBeginning ? '*' : ''} ${note}`;
}

/** Where a new owner starts. What was committed in a topic that is no more, or beyond the log's end, counts for nothing. */
export function placeIn(
  shard: number,
  { committed, metadata, low, high }: Standing,
  topicId: string | undefined,
  { log, retention }: { log: Log; retention: RetentionWatch },
): Place {
  const beginning = { offset: low, note: '', isBeginning: true };
  if (committed < 0) return beginning;
  const [, id = '-', mark = '', note = ''] = METADATA.exec(metadata) ?? [];
  if (topicId && id !== '-' && id !== topicId) {
    log.error({ shard, committed, low, high, id, topicId }, 'the shard was committed in a topic that is no more');
    return beginning;
  }
  if (committed > high) {
    log.error(
      { shard, committed, low, high },
      'the log ends before what was committed: Kafka lost records, or a topic',
    );
    return beginning;
  }
  retention.passed(shard, committed, low);
  return { offset: Math.max(committed, low), note, isBeginning: mark !== '' };
}
