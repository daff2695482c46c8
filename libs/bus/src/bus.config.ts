import type { Deployment, Env } from '@app/runtime';
import { kafkaConfig } from './kafka.config.js';

/** The settings of whoever stands on the bus. */
export const busConfig = (env: Env, deployment: Deployment) => {
  const alone = deployment === 'standalone';
  const bus = env.oneOf(
    'BUS',
    ['embedded', 'redis', 'kafka'],
    alone ? 'embedded' : 'kafka',
    'what waits between logic and job: `embedded` (one process) or `kafka`; `redis` is not there yet',
  );
  if (bus === 'redis') env.refuse('BUS=redis is not there yet: use kafka, or embedded in standalone');
  if (bus === 'embedded' && !alone) {
    env.refuse('BUS=embedded works in standalone only: separate processes need BUS=kafka');
  }
  return {
    bus,
    shards: env.int('SHARDS', 16, 'in-order logs of the bus, when it is made', { min: 1, max: 1_024 }),
    embeddedBusBytes: env.bytes(
      'EMBEDDED_BUS_BYTES',
      64 * 1024 * 1024,
      'bytes that may wait with BUS=embedded; full refuses',
      { min: 1024 * 1024 },
    ),
    embeddedDeadBytes: env.bytes(
      'EMBEDDED_DEAD_BYTES',
      16 * 1024 * 1024,
      'bytes of dead letters with BUS=embedded; the oldest make room',
      { min: 64 * 1024 },
    ),
    kafka: kafkaConfig(env),
  };
};
