/**
 * Finds or starts the real servers that the tests talk to: `REDIS_URL` and `KAFKA_BROKERS` when they are set, else
 * servers of our own on free ports, told to the tests by the same variables; and finds the browser that they drive
 * (`CHROMIUM`). What cannot be had is skipped and said at the end; `REQUIRE_SERVICES=1` makes it an error.
 */
import '../../scripts/typescript.mjs';

/** What is not there, a line each: what is skipped, and what to do about it. */
export const missing = [];
const running = [];

export default async function start() {
  const { redisAvailable, startRedis } = await import('./redis-server.ts');
  const { kafkaAvailable, startKafka } = await import('./kafka-server.ts');
  const { chromiumAvailable, chromiumPath } = await import('./browser.ts');
  await Promise.all([
    have('REDIS_URL', 'Redis', 'put redis-server on the PATH, or set REDIS_URL', redisAvailable, async () => {
      const redis = await startRedis();
      return { address: redis.url, stop: () => redis.stop() };
    }),
    have('KAFKA_BROKERS', 'Kafka', 'put java and mvn on the PATH, or set KAFKA_BROKERS', kafkaAvailable, async () => {
      const kafka = await startKafka();
      return { address: kafka.brokers, stop: () => kafka.stop() };
    }),
    have('CHROMIUM', 'Chromium', 'install chromium, or set CHROMIUM', chromiumAvailable, async () => {
      return { address: chromiumPath, stop: async () => {} }; // each test starts its own
    }),
  ]);
  if (missing.length > 0 && process.env.REQUIRE_SERVICES === '1') {
    await stop();
    throw new Error(`REQUIRE_SERVICES=1, but these are missing:\n${missing.join('\n')}`);
  }
}

export async function stop() {
  await Promise.all(running.splice(0).map((server) => server.stop()));
}

async function have(variable, name, remedy, available, startServer) {
  if (process.env[variable]) return;
  try {
    if (!(await available())) throw new Error('not found');
    const server = await startServer();
    running.push(server);
    process.env[variable] = server.address;
  } catch (error) {
    missing.push(`${name}: ${error.message} (to run its tests, ${remedy})`);
  }
}
