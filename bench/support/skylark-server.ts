/**
 * The server under test: Skylark as `npm start` runs it, so that clients are admitted by the real logic. Its own job has
 * nothing to do; the bench pushes in its place, through the gateway's RPC.
 */
import { readConfig } from '@app/runtime';
import { standaloneConfig } from '../../apps/standalone/src/standalone.config.js';
import { startStandalone } from '../../apps/standalone/src/start.js';

const settings = {
  GATEWAY_PORT: '0',
  LOGIC_PORT: '0',
  LOG_LEVEL: 'warn',
  TIMEOUT_MS: '1h', // the load clients do not ping, or do nothing else
  MAX_FRAMES_PER_SECOND: '0',
  MAX_BYTES_PER_SECOND: '0',
};

async function main(): Promise<void> {
  const config = readConfig(settings, standaloneConfig);
  const { gateway, logic } = await startStandalone(config);
  const ready = `http://127.0.0.1:${logic.port}/health/ready`;
  while (!(await fetch(ready)).ok) await new Promise(setImmediate);
  process.send?.({ port: gateway.port, rpcPort: gateway.rpcPort, rpcSecret: config.gateway.rpcSecret });
}

void main();
