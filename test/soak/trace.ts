import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import { readRecord } from '@app/protocol/wires';
import type { Finding } from './judge.js';
import type { System } from './system.js';

const linesAtMost = 400;

/**
 * What everybody knows of one message, a line each: the processes' log lines that name it or its channel (or its client),
 * the channel's history by REST and as it lies in Redis, the record in Kafka, and how far its shard is committed.
 */
export async function trace(system: System, finding: Finding, out: string): Promise<string[]> {
  const { id } = finding;
  const words = [id, finding.channel].filter((word): word is string => !!word && word !== 'all');
  return [
    `${finding.problem}: push ${finding.n} (${id}) in ${finding.channel} for ${finding.client}, at ${finding.at} ms: ${finding.detail}`,
    ...(await fromLogs(join(out, 'logs'), words)),
    ...(await fromHistory(system, finding.channel, id)),
    ...(await fromRedis(system, finding.channel, id)),
    ...(await fromKafka(system, id)),
  ];
}

async function fromLogs(folder: string, words: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const file of readdirSync(folder).sort()) {
    for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
      if (words.some((word) => line.includes(word))) lines.push(`${file}: ${line.slice(0, 600)}`);
    }
  }
  return lines.slice(0, linesAtMost);
}

async function fromHistory(system: System, channel: string, id: string | undefined): Promise<string[]> {
  for (const url of system.restUrls) {
    try {
      const answer = await fetch(`${url}/v1/channels/${encodeURIComponent(channel)}/history?limit=1000`);
      const page = (await answer.json()) as { epoch: string; position: number; messages: { id: string }[] };
      const place = page.messages?.find((message) => message.id === id);
      return [
        `history of ${channel}: epoch ${page.epoch}, position ${page.position}, ${place ? JSON.stringify(place).slice(0, 300) : 'the message is not among its newest 1000'}`,
      ];
    } catch {
      // another logic may answer
    }
  }
  return ['history: nobody answers'];
}

/** Entries begin with their offset, that of the one before and until when they are held, as doubles; ids stand in them as they are. */
async function fromRedis(system: System, channel: string, id: string | undefined): Promise<string[]> {
  if (!system.redis) return [];
  const redis = new Redis(system.redis.url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  try {
    await redis.connect();
    const [list] = await redis.keys(`*h:{default/${channel}}:l`);
    const [meta] = await redis.keys(`*h:{default/${channel}}:m`);
    const { ids: _, ...known } = meta === undefined ? {} : await redis.hgetall(meta);
    const entries = list === undefined ? [] : await redis.lrangeBuffer(list, 0, -1);
    const place = id === undefined ? -1 : entries.findIndex((entry) => entry.includes(id));
    const near = place < 0 ? entries.slice(-3) : entries.slice(Math.max(0, place - 1), place + 2);
    const told = near.map((entry) => `${entry.readDoubleBE(0)} after ${entry.readDoubleBE(8)}`).join(', ');
    return [
      `redis: ${meta ?? 'nothing is known of the channel'} ${JSON.stringify(known)}`,
      `redis: ${entries.length} entries, ${place < 0 ? 'the message is none of them, the newest are' : 'the message among its neighbours:'} ${told || 'none'}`,
      ...(await Promise.all(
        (await redis.keys('*h:shard:*'))
          .sort()
          .map(async (key) => `redis: ${key} ${JSON.stringify(await redis.hgetall(key))}`),
      )),
    ];
  } catch (error) {
    return [`redis: ${String(error)}`];
  } finally {
    redis.disconnect();
  }
}

/** Ids stand in records as they are, so that bytes can be searched for them. */
async function fromKafka(system: System, id: string | undefined): Promise<string[]> {
  if (!system.kafka || id === undefined) return [];
  const kafka = new kafkajs.Kafka({ brokers: [system.kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `trace-${Date.now()}` });
  const found: string[] = [];
  try {
    await admin.connect();
    const topic = (await admin.listTopics()).find((name) => name.endsWith('records'))!;
    const left = new Map(
      (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]),
    );
    for (const [partition, high] of left) if (high === 0) left.delete(partition);
    for (const { groupId } of (await admin.listGroups()).groups.filter(({ groupId: of }) => !of.startsWith('trace-'))) {
      for (const { partitions } of await admin.fetchOffsets({ groupId, topics: [topic] })) {
        const committed = partitions.map(({ partition, offset, metadata }) => `${partition}:${offset} (${metadata})`);
        found.push(`kafka: ${groupId} has committed ${committed.join(', ')}`);
      }
    }
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(resolve, 60_000);
      const eachMessage = async ({ partition, message }: kafkajs.EachMessagePayload) => {
        if (message.value?.includes(id)) {
          found.push(
            `kafka: partition ${partition}, offset ${message.offset}, key ${message.key?.toString()}, ${described(message.value)}`,
          );
        }
        if (Number(message.offset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
        if (left.size === 0) {
          clearTimeout(deadline);
          resolve();
        }
      };
      consumer.run({ eachMessage, autoCommit: false }).catch(reject);
    });
  } catch (error) {
    found.push(`kafka: ${String(error)}`);
  } finally {
    await Promise.all([consumer.disconnect().catch(() => {}), admin.disconnect().catch(() => {})]);
  }
  return found.some((line) => line.startsWith('kafka: partition')) ? found : [...found, `kafka: no record with ${id}`];
}

function described(value: Buffer): string {
  const record = readRecord(value);
  if (record instanceof Error) return `cannot be read: ${record.message}`;
  const { targets, retain, expiresAtMs, speed, part } = record;
  return JSON.stringify({ targets, retain, expiresAtMs, speed, part });
}
