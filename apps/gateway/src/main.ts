import 'reflect-metadata';
import { createLog, readConfig, runProcess } from '@app/runtime';
import { gatewayConfig } from './gateway.config.js';
import { startGateway } from './start.js';

await runProcess(async () => {
  const config = readConfig(process.env, (env) => gatewayConfig(env, 'distributed'));
  const log = createLog(config.logLevel, { app: 'gateway' });
  const onSuperseded = () => {
    log.error({ node: config.nodeId }, 'another process has this NODE_ID: ending');
    process.exit(1);
  };
  const running = await startGateway({ config, log, listenHttp: true, onSuperseded, awaitRegistry: false });
  return { running, log, shutdownMs: config.shutdownMs };
});
