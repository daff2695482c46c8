/**
 * Everything that is measured, each with its baseline beside it in the same run. The last line is one JSON object.
 *
 *   npm run bench                      all, the whole size
 *   npm run bench -- one-room ping     these
 *   npm run bench -- --quick           to see that everything works; its ratios say little
 *   npm run bench -- --kept            two minutes: has a ratio fallen by more than a quarter since --keep?
 *   npm run bench -- ping --profile D  each process leaves a CPU profile in the folder D
 *   npm run bench -- --list            what there is
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));
const asked = process.argv.slice(2);
const node = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const failed = asked.includes('--list') ? 0 : node('scripts/build.mjs', '--if-needed');
process.exit(failed || node('--import', './scripts/typescript.mjs', 'bench/main.ts', ...asked));
