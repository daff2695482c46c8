import 'reflect-metadata';
import { readConfig, runProcess } from '@app/runtime';
import { jobConfig } from './job.config.js';
import { startJob } from './start.js';

await runProcess(async () => {
  const config = readConfig(process.env, (env) => jobConfig(env, 'distributed'));
  const running = await startJob({ config, listenHttp: true });
  running.consuming.catch((err: unknown) => {
    running.log.error({ err }, 'cannot consume');
    process.exit(1);
  });
  return { running, log: running.log, shutdownMs: config.shutdownMs };
});
