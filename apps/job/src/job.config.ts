import { defaultPolicies, parsePolicies } from '@app/history';
import { processConfig, type Deployment, type Env } from '@app/runtime';

/** Every setting of job. */
export const jobConfig = (env: Env, deployment: Deployment) => ({
  ...processConfig(env, deployment),
  ...busConfig(env, deployment === 'standalone'),
  httpPort: env.port('JOB_HTTP_PORT', 9990, 'health and metrics'),
  policies: env.parsed(
    'CHANNEL_POLICIES',
    defaultPolicies,
    'how many messages are kept, and how long, per channel prefix',
    parsePolicies,
  ),
  laneWindowBytes: env.bytes(
    'LANE_WINDOW_BYTES',
    4 * 1024 * 1024,
    "bytes of one shard on the way to one node; over it the shard's reading pauses",
    { min: 1024 },
  ),
  laneStallMs: env.ms(
    'LANE_STALL_MS',
    5_000,
    'milliseconds without an answer of a node until it gets history only, so that it holds nobody up',
    { min: 1 },
  ),
  rpcSecret:
    env.optional('RPC_SECRET', 'shared secret of the RPC handshake; needed when RPC listens beyond loopback') ?? '',
});

export type JobConfig = Readonly<ReturnType<typeof jobConfig>>;

function busConfig(env: Env, alone: boolean) {
  const bus = env.oneOf(
    'BUS',
    ['embedded', 'redis', 'kafka'],
    alone ? 'embedded' : 'kafka',
    'what waits between logic and job: `embedded` (one process) or `kafka`; `redis` is not there yet',
  );
  if (bus === 'redis') env.refuse('BUS=redis is not there yet: use kafka, or embedded in standalone');
  if (bus === 'embedded' && !alone)
    env.refuse('BUS=embedded works in standalone only: separate processes need BUS=kafka');
  return {
    bus,
    shards: env.int('SHARDS', 16, 'in-order logs of the bus, when it is made', { min: 1, max: 1_024 }),
    kafkaBrokers: env.list('KAFKA_BROKERS', ['127.0.0.1:9092'], 'Kafka, comma list of host:port'),
    kafkaTopicPrefix: env.text('KAFKA_TOPIC_PREFIX', 'skylark.', "before every topic's name"),
  };
}
