import { randomBytes } from 'node:crypto';
import type { Env } from '@app/runtime';
import { gatewayConfig } from '../../gateway/src/gateway.config.js';
import { jobConfig } from '../../job/src/job.config.js';
import { logicConfig } from '../../logic/src/logic.config.js';

/** The settings of all three apps, with the defaults of one process. They share a secret that is made now. */
export const standaloneConfig = (env: Env) => {
  const inside = { rpcPort: 0, rpcSecret: randomBytes(32).toString('hex'), rpcTls: undefined };
  return {
    gateway: { ...gatewayConfig(env, 'standalone'), ...inside },
    logic: { ...logicConfig(env, 'standalone'), ...inside },
    job: { ...jobConfig(env, 'standalone'), ...inside },
  };
};

export type StandaloneConfig = Readonly<ReturnType<typeof standaloneConfig>>;
