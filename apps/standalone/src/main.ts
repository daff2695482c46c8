import { createLog, readConfig, runProcess } from '@app/runtime';
import { standaloneConfig } from './standalone.config.js';
import { startStandalone } from './start.js';

await runProcess(async () => {
  const config = readConfig(process.env, standaloneConfig);
  const log = createLog(config.logic.logLevel);
  const running = await startStandalone(config, log);
  greet(config.logic.bind, running.logic.port, running.gateway.port, config.logic.apiKeys.length > 0);
  return { running, log, shutdownMs: config.logic.shutdownMs };
});

/** What one wants to know first, and a line that works when pasted. */
function greet(bind: string, restPort: number, clientPort: number, needsKey: boolean): void {
  const host = bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind;
  const rest = `http://${host}:${restPort}`;
  const key = needsKey ? ` -H 'authorization: Bearer <one of API_KEYS>'` : '';
  process.stdout.write(`
Skylark is up: gateway, logic and job in one process.

  clients   ws://${host}:${clientPort}/connect
  REST      ${rest}/v1
  Swagger   ${rest}/docs
  health    ${rest}/health/ready     metrics ${rest}/metrics

Push to everybody who is connected:

  curl -X POST ${rest}/v1/push/all${key} -H 'content-type: application/json' -d '{"type":3,"data":"hello"}'

`);
}
