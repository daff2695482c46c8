import { busConfig } from '@app/bus';
import { defaultPolicies, parsePolicies } from '@app/history';
import { idleTimeout, processConfig, requestTimeout, rpcLock, type Deployment, type Env } from '@app/runtime';

/** Every setting of job. */
export const jobConfig = (env: Env, deployment: Deployment) => ({
  ...processConfig(env, deployment),
  ...busConfig(env, deployment),
  requestTimeoutMs: requestTimeout(env),
  idleTimeoutMs: idleTimeout(env),
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
  replicas: {
    replicas: env.int(
      'HISTORY_REPLICAS',
      1,
      'replicas of Redis that must have what was appended before it is committed, or as many as there are; 0: none is waited for',
      { min: 0, max: 100 },
    ),
    waitMs: env.ms('HISTORY_REPLICAS_MS', 1_000, 'milliseconds for which they are waited for', { min: 1 }),
    isStrict: env.flag(
      'HISTORY_REPLICAS_STRICT',
      false,
      '`1`: nothing is committed until so many replicas have it, however long that takes',
    ),
  },
  ...rpcLock(env),
});

export type JobConfig = Readonly<ReturnType<typeof jobConfig>>;
