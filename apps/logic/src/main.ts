import { readConfig, runProcess } from '@app/runtime';
import { logicConfig } from './logic.config.js';
import { startLogic } from './start.js';

await runProcess(async () => {
  const config = readConfig(process.env, (env) => logicConfig(env, 'distributed'));
  const running = await startLogic({ config });
  return { running, log: running.log, shutdownMs: config.shutdownMs };
});
