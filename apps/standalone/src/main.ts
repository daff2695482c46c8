import { createLog, readConfig, runProcess } from '@app/runtime';
import type { LogicConfig } from '../../logic/src/logic.config.js';
import { standaloneConfig } from './standalone.config.js';
import { startStandalone } from './start.js';

await runProcess(async () => {
  const config = readConfig(process.env, standaloneConfig);
  const log = createLog(config.logic.logLevel);
  const running = await startStandalone(config, log);
  greet(config.logic, running.logic.port, running.gateway.port);
  return { running, log, shutdownMs: config.logic.shutdownMs };
});

/** What one wants to know first, and a line that works when pasted. */
function greet({ bind, needsKey, console }: LogicConfig, restPort: number, clientPort: number): void {
  const host = bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind;
  const rest = `http://${host}:${restPort}`;
  const tryIt = console ? `  try it    ${rest}/\n` : '';
  const key = needsKey ? ` -H 'authorization: Bearer <your API key>'` : '';
  process.stdout.write(`
Skylark is up: gateway, logic and job in one process.

${tryIt}  clients   ws://${host}:${clientPort}/connect
  REST      ${rest}/v1
  Swagger   ${rest}/docs
  health    ${rest}/health/ready     metrics ${rest}/metrics

Push to everybody who is connected:

  curl -X POST ${rest}/v1/push/all${key} -H 'content-type: application/json' -d '{"type":3,"data":"hello"}'

`);
}
