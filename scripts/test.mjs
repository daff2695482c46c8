/**
 * All tests: unit, contract, e2e and failure. Builds first when needed, because some tests run the built apps.
 *
 *   npm test                          everything; servers are found or started (test/support/servers.global.ts)
 *   npm test -- test/e2e              jest's own arguments
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));

const build = spawnSync(process.execPath, ['scripts/build.mjs', '--if-needed'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);

const jest = spawn(
  process.execPath,
  ['node_modules/jest/bin/jest.js', '--config', 'test/jest.config.js', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
// Jest ends by itself at Ctrl-C and stops the servers it started; we wait for it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => process.exit(code ?? 1));
