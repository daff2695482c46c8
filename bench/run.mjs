/**
 * The load benches, each with its baseline beside it in the same run. The last line is one JSON object of ratios.
 *
 *   npm run bench                 the whole size
 *   npm run bench -- --quick      a minute, to see that everything works; its ratios say little
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));
for (const args of [
  ['scripts/build.mjs', '--if-needed'],
  ['--import', './scripts/typescript.mjs', 'bench/load/one-room.ts', ...process.argv.slice(2)],
]) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
