import type { Admin } from 'kafkajs';
import { until } from './until.js';

/** Resolves when the topic is there; an answer that is late is no matter. */
export async function makeTopic(admin: Admin, topic: string, numPartitions: number): Promise<void> {
  const isThere = async () => (await admin.listTopics()).includes(topic);
  await until(async () => {
    await admin.createTopics({ topics: [{ topic, numPartitions }] }).catch(() => {});
    return isThere();
  }, `${topic} to be made`);
}

/** Resolves when the topic is gone. */
export async function removeTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await until(async () => !(await admin.listTopics()).includes(topic), `${topic} to be gone`);
}

/** Deletes a topic and makes another one under its name. */
export async function remakeTopic(admin: Admin, topic: string, numPartitions: number): Promise<void> {
  await removeTopic(admin, topic);
  await makeTopic(admin, topic, numPartitions);
}
