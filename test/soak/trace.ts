import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import { readRecord } from '@app/protocol/wires';
import type { FaultMark } from './journal.js';
import type { Finding } from './judge.js';
import { logLines } from './log-lines.js';
import { shardOf } from './own-records.js';
import type { System } from './system.js';
import type { First } from './timeline.js';

const nearMs = 60_000;
const kafkaMs = 60_000;

export interface Traced {
  finding: Finding;
  /** What the load knows of it. */
  seen: First | undefined;
  faults: readonly FaultMark[];
  /** When the clock of the run began. */
  startedAt: number;
  out: string;
}

/**
 * What everybody knows of one message, in the order of its way: what clients got, what was wrong then, what processes
 * logged, the record in Kafka and how far its shard is committed, the channel's history in Redis and by REST.
 */
export async function trace(system: System, { finding, seen, faults, startedAt, out }: Traced): Promise<string[]> {
  const { problem, id, channel, n, client, at, detail } = finding;
  const shard = shardOf(channel);
  const kafka = await fromKafka(system, shard, id);
  const offset = kafka.offset ?? Number(/:(\d+)/.exec(/others got it at \S+/.exec(detail)?.[0] ?? '')?.[1] ?? -1);
  const words = [id, `${channel}"`, `/${channel}"`, `"user":"${seen?.user}"`, ...(seen?.connections ?? [])];
  const isOfIt = (line: string) =>
    words.some((word) => word !== undefined && word !== 'all"' && line.includes(word)) || isOfShard(line, shard);
  return [
    `${problem}: push ${n} (${id}) in ${channel} for ${client}, at ${at} ms: ${detail}`,
    `shard ${shard}; 0 ms is ${new Date(startedAt).toISOString()}`,
    ...section('what its client got, and who else got it', seen?.lines ?? []),
    ...section(`faults within ${nearMs / 1000} s`, nearby(faults, at)),
    ...section(
      'what the processes logged: of the message, of the client, and of the channel and its shard around that time',
      await logLines(`${out}/logs`, { startedAt, fromMs: at - nearMs, toMs: at + nearMs, isOfIt, id }),
    ),
    ...section('Kafka', kafka.lines),
    ...section('history', [
      ...(await fromRedis(system, channel, shard, offset)),
      ...(await fromHistory(system, channel, id)),
    ]),
  ];
}

const section = (title: string, lines: readonly string[]): string[] => [
  '',
  `== ${title} ==`,
  ...(lines.length > 0 ? lines : ['nothing']),
];

/** Kafka's own client writes of partitions, never so. */
const isOfShard = (line: string, shard: number): boolean =>
  line.includes(`"shard":${shard},`) || (/"msg":"shards /.test(line) && new RegExp(`[[,]${shard}[\\],]`).test(line));

const nearby = (faults: readonly FaultMark[], at: number): string[] =>
  faults
    .filter(({ fromMs, toMs }) => toMs > at - nearMs && fromMs < at + nearMs)
    .map(({ what, fromMs, toMs }) => `${fromMs} to ${toMs} ms: ${what}`);

async function fromHistory(system: System, channel: string, id: string | undefined): Promise<string[]> {
  for (const url of system.restUrls) {
    try {
      const answer = await fetch(`${url}/v1/channels/${encodeURIComponent(channel)}/history?limit=1000`);
      const page = (await answer.json()) as { position: string; messages: { id: string }[] };
      const place = page.messages.find((message) => message.id === id);
      const said = place
        ? JSON.stringify(place).slice(0, 300)
        : 'the message is not among the newest 1000 that are still to be had';
      return [`by REST, position ${page.position}: ${said}`];
    } catch {
      // another logic may answer
    }
  }
  return ['by REST: nobody answers'];
}

/** Entries begin with their offset, that of the one before and until when they are held, as doubles. */
async function fromRedis(system: System, channel: string, shard: number, offset: number): Promise<string[]> {
  if (!system.redis) return [];
  const redis = new Redis(system.redis.url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  redis.on('error', () => {}); // told by what is asked of it
  try {
    await redis.connect();
    const hash = async (pattern: string) => {
      const [key] = await redis.keys(pattern);
      const { ids: _, ...fields } = key === undefined ? {} : await redis.hgetall(key);
      return key === undefined ? `redis: there is no ${pattern}` : `redis: ${key} ${JSON.stringify(fields)}`;
    };
    const [list] = await redis.keys(`*h:{default/${channel}}:l`);
    const entries = list === undefined ? [] : await redis.lrangeBuffer(list, 0, -1);
    const places = entries.map((entry) => ({
      at: entry.readDoubleBE(0),
      prev: entry.readDoubleBE(8),
      isOver: entry.readDoubleBE(16) < Date.now(),
    }));
    return [
      await hash(`*h:{default/${channel}}:m`),
      await hash(`*h:shard:${shard}`),
      `redis: ${entries.length} entries; ${aroundOffset(places, offset)}`,
    ];
  } catch (error) {
    return [`redis: ${String(error)}`];
  } finally {
    redis.disconnect();
  }
}

/** Whether an entry is there, and its neighbours: who follows what is not there may name it as the one before. */
function aroundOffset(places: readonly { at: number; prev: number; isOver: boolean }[], offset: number): string {
  const told = (some: typeof places) =>
    some.map(({ at, prev, isOver }) => `${at} after ${prev}${isOver ? ' (held no longer)' : ''}`).join(', ') || 'none';
  if (offset < 0) return `the offset of the message is not known, the newest are ${told(places.slice(-3))}`;
  const place = places.findIndex(({ at }) => at >= offset);
  const from = place < 0 ? places.length : place;
  const said = places[from]?.at === offset ? `${offset} is one of them` : `${offset} is NOT one of them`;
  return `${said}, around it ${told(places.slice(Math.max(0, from - 2), from + 3))}`;
}

/** Ids stand in records as they are, so that bytes can be searched for them. */
async function fromKafka(
  system: System,
  shard: number,
  id: string | undefined,
): Promise<{ lines: string[]; offset?: number }> {
  if (!system.kafka) return { lines: ['there is none'] };
  if (id === undefined) return { lines: ['the message was never answered 202, it has no id to look for'] };
  const kafka = new kafkajs.Kafka({ brokers: [system.kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `trace-${Date.now()}` });
  const lines: string[] = [];
  let offset: number | undefined;
  try {
    await admin.connect();
    const topic = (await admin.listTopics()).find((name) => name.endsWith('records'))!;
    const ends = await admin.fetchTopicOffsets(topic);
    const left = new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
    for (const [partition, high] of left) if (high === 0) left.delete(partition);
    for (const { groupId } of (await admin.listGroups()).groups.filter(({ groupId: of }) => !of.startsWith('trace-'))) {
      for (const { partitions } of await admin.fetchOffsets({ groupId, topics: [topic] })) {
        const its = partitions.find(({ partition }) => partition === shard);
        lines.push(
          `${groupId} has committed shard ${shard} up to ${its?.offset} of ${left.get(shard) ?? 0}, with the note: ${its?.metadata}`,
        );
      }
    }
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const done = setTimeout(() => {
        lines.push(`not all was read within ${kafkaMs} ms, more records of it may be there`);
        resolve();
      }, kafkaMs);
      const eachMessage = async ({ partition, message }: kafkajs.EachMessagePayload) => {
        if (message.value?.includes(id)) {
          const key = message.key?.toString();
          lines.push(`shard ${partition}, offset ${message.offset}, key ${key}, ${described(message.value)}`);
          if (partition === shard) offset ??= Number(message.offset);
        }
        if (Number(message.offset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
        if (left.size > 0) return;
        clearTimeout(done);
        resolve();
      };
      consumer.run({ eachMessage, autoCommit: false }).catch(reject);
    });
  } catch (error) {
    lines.push(String(error));
  } finally {
    await Promise.all([consumer.disconnect().catch(() => {}), admin.disconnect().catch(() => {})]);
  }
  if (offset === undefined) lines.push(`no record with ${id} in shard ${shard}`);
  return { lines, ...(offset !== undefined && { offset }) };
}

function described(value: Buffer): string {
  const record = readRecord(value);
  if (record instanceof Error) return `cannot be read: ${record.message}`;
  const { targets, retain, expiresAtMs, speed, part } = record;
  return JSON.stringify({ targets, retain, expiresAtMs, speed, part });
}
